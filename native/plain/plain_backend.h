#pragma once
#include <memory>

#include "backend/backend.h"

namespace twofour::plain {

/// How activations that a linear reads are stored.
enum class Storage : uint8_t {
  f32,
  int8,  ///< One scale per token: q = round(x / s), s = max|x| / 127. Other readers still see fp32.
};

/// The contract written as plainly as it can be: one loop per formula, sums in double, one thread. It is the
/// reference that faster backends are compared with, and, with `int8`, the proof that the contract leaves the
/// storage of activations to the backend.
std::unique_ptr<Backend> make_plain_backend(Storage storage);

}  // namespace twofour::plain

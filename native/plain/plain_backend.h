#pragma once
#include <memory>

#include "backend/backend.h"

namespace twofour::plain {

/// The contract written as plainly as it can be: one loop per formula, sums in double, one thread. It is the
/// reference that faster backends are compared with, in every format of linears.
std::unique_ptr<Backend> make_plain_backend();

}  // namespace twofour::plain

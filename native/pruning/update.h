#pragma once
#include <cstdint>
#include <vector>

#include "base/control.h"
#include "base/moments.h"
#include "base/thread_pool.h"
#include "base/weight_source.h"
#include "pruning/objective.h"

namespace twofour::pruning {

enum class Update : uint8_t { bias, refit };

/// Where to and how: see UpdateRequest in binding.d.ts.
struct Aim {
  const Moments& moments;
  size_t target_row;
  double damping;
};

struct Updated {
  std::vector<std::byte> weight, bias;  ///< In their own dtypes, whole.
  double masked_error, updated_error;   ///< Squared output error over the target's energy.
  size_t unchanged_rows;
};

/// New values for what `weight.bits` keep, and for the bias; of the rows that `weight.rows` keep, errors too.
/// Throws what read_stored and refit throw, and Cancelled.
Updated update_weights(const WeightSource& weight, const WeightSource& bias, const Aim& aim, Update update,
                       ThreadPool& pool, Control& control);

/// What a solver has come to, on its way to be stored.
struct Proposal {
  const WeightSource &weight, &bias;  ///< The bits of `weight` are the final ones.
  const Linear& linear;
  const Centred& centred;
  std::vector<float> masked;  ///< [rows, columns]: the weights as they are, under the bits
  Deviation deviation;        ///< of them
  std::vector<float>
      change;  ///< [rows, columns]: what a solver adds, zeros where bits are off; empty: nothing
};

/// Rounds to the stored dtypes, gives each row the bias that its weights want, and takes back rows that came
/// out no better than `masked` with the bias as it is.
Updated settle(const Proposal& proposal, ThreadPool& pool);

/// The weights under these bits.
std::vector<float> masked(std::vector<float> weights, std::span<const uint8_t> bits);

}  // namespace twofour::pruning

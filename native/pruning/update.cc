#include "pruning/update.h"

#include <algorithm>

#include "algebra/products.h"
#include "base/bits.h"
#include "pruning/refit.h"

namespace twofour::pruning {
namespace {

/// Numbers as they will be read again.
std::vector<float> rounded(Dtype dtype, const std::vector<float>& numbers, std::vector<std::byte>& bytes) {
  bytes.resize(numbers.size() * width_of(dtype));
  from_float(dtype, numbers.data(), numbers.size(), bytes.data());
  std::vector<float> back(numbers.size());
  to_float(dtype, bytes.data(), back.size(), back.data());
  return back;
}

/// A proposal as it will be read again, and by how much each row's error grows (or, below zero, shrinks).
struct Stored {
  std::vector<std::byte> weight, bias;
  std::vector<double> growth;
};

/// Adds what a change of weights does to the errors and the mean outputs.
void add_change(const std::vector<float>& change, const Deviation& deviation, const Centred& centred,
                std::vector<double>& growth, std::vector<double>& means, ThreadPool& pool) {
  const size_t columns = centred.columns, rows = growth.size();
  std::vector<float> products(change.size());
  algebra::add_product(change.data(), columns, centred.products.data(), columns, rows, columns, columns, 1.0f,
                       products.data(), columns, pool);
  for (size_t i = 0; i < change.size(); ++i) {
    growth[i / columns] += change[i] * (products[i] + 2.0 * deviation.gradient[i]);
    means[i / columns] += change[i] * centred.means[i % columns];
  }
}

Stored round_off(const Proposal& proposal, ThreadPool& pool) {
  const auto& [weight, bias, linear, centred, masked, deviation, solved] = proposal;
  Stored stored{{}, {}, std::vector<double>(linear.rows)};
  std::vector<double> means = deviation.gaps;
  if (!solved.empty()) {
    std::vector<float> change(solved.size());
    for (size_t i = 0; i < change.size(); ++i) change[i] = masked[i] + solved[i];
    change = rounded(weight.dtype, change, stored.weight);
    for (size_t i = 0; i < change.size(); ++i) change[i] -= masked[i];
    add_change(change, deviation, centred, stored.growth, means, pool);
  }
  std::vector<float> offsets(linear.rows);
  for (size_t row = 0; row < linear.rows; ++row)
    offsets[row] = static_cast<float>(linear.bias[row] - means[row]);
  offsets = rounded(bias.dtype, offsets, stored.bias);
  for (size_t row = 0; row < linear.rows; ++row) {
    const double gap = deviation.gaps[row];
    const double left = means[row] + (static_cast<double>(offsets[row]) - linear.bias[row]);
    stored.growth[row] += static_cast<double>(centred.tokens) * (left * left - gap * gap);
  }
  return stored;
}

/// [rows]: 1 where a row is kept.
std::vector<uint8_t> rows_there(const WeightSource& weight) {
  std::vector<uint8_t> there(weight.stored_rows(), weight.rows ? 0 : 1);
  if (weight.rows) {
    for (const int32_t row : *weight.rows) there[static_cast<size_t>(row)] = 1;
  }
  return there;
}

void copy_row(const std::vector<std::byte>& from, size_t row, size_t rows, std::vector<std::byte>& to) {
  const size_t size = from.size() / rows;
  std::copy_n(from.data() + row * size, size, to.data() + row * size);
}

}  // namespace

std::vector<float> masked(std::vector<float> weights, std::span<const uint8_t> bits) {
  for (size_t i = 0; i < weights.size() && !bits.empty(); ++i) {
    if (!bit_at(bits, i)) weights[i] = 0;
  }
  return weights;
}

Updated settle(const Proposal& proposal, ThreadPool& pool) {
  const auto& [weight, bias, linear, centred, masked, deviation, change] = proposal;
  const Stored stored = round_off(proposal, pool);
  Updated result{read_bytes(weight), read_bytes(bias), 0, 0, 0};
  double before = 0, after = 0, energy = 0;
  const std::vector<uint8_t> there = rows_there(weight);
  for (size_t row = 0; row < linear.rows; ++row) {
    if (there[row] == 0) continue;
    energy += deviation.energies[row];
    const double gap = deviation.gaps[row];
    const double error = deviation.errors[row] + static_cast<double>(centred.tokens) * gap * gap;
    // Not a number where a weight became too large for its dtype.
    const bool better = stored.growth[row] < 0;
    before += error;
    after += better ? std::max(error + stored.growth[row], 0.0) : error;
    result.unchanged_rows += !better && error > 0;
    if (!better) continue;
    if (!change.empty()) copy_row(stored.weight, row, linear.rows, result.weight);
    copy_row(stored.bias, row, linear.rows, result.bias);
  }
  result.masked_error = share_of(before, energy);
  result.updated_error = share_of(after, energy);
  return result;
}

Updated update_weights(const WeightSource& weight, const WeightSource& bias, const Aim& aim, Update update,
                       ThreadPool& pool, Control& control) {
  const Linear linear = read_stored(weight, bias);
  const Centred centred = centre(aim.moments, pool);
  control.check();
  std::vector<float> kept = masked(linear.weights, weight.bits);
  Deviation deviation = deviation_of(kept, linear, centred, aim.moments, aim.target_row, pool);
  control.check();
  std::vector<float> change;
  if (update == Update::refit) {
    change =
        refit(centred, deviation, kept_bits(weight.bits, linear.weights.size()), aim.damping, pool, control);
  }
  return settle({weight, bias, linear, centred, std::move(kept), std::move(deviation), std::move(change)},
                pool);
}

}  // namespace twofour::pruning

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

/// By how much each row's error without its mean grows (or, below zero, shrinks).
std::vector<double> growth_of(const std::vector<float>& change, const Deviation& deviation,
                              const Centred& centred, ThreadPool& pool) {
  const size_t columns = centred.columns, rows = deviation.gaps.size();
  std::vector<float> products(change.size());
  algebra::add_product(change.data(), columns, centred.products.data(), columns, rows, columns, columns, 1.0f,
                       products.data(), columns, pool);
  std::vector<double> growth(rows);
  for (size_t i = 0; i < change.size(); ++i)
    growth[i / columns] += change[i] * (products[i] + 2.0 * deviation.gradient[i]);
  return growth;
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

Updated settle(Proposal proposal, ThreadPool& pool) {
  const auto& [weight, bias, linear, centred, masked, deviation, solved] = proposal;
  const size_t rows = linear.rows, columns = linear.columns;
  const auto tokens = static_cast<double>(centred.tokens);
  Updated result{read_bytes(weight), read_bytes(bias), 0, 0, 0};

  std::vector<float> change = solved;
  std::vector<std::byte> new_weight, new_bias;
  std::vector<double> growth(rows), shift(rows);
  if (!change.empty()) {
    for (size_t i = 0; i < change.size(); ++i) change[i] += masked[i];
    change = rounded(weight.dtype, change, new_weight);
    for (size_t i = 0; i < change.size(); ++i) change[i] -= masked[i];
    growth = growth_of(change, deviation, centred, pool);
    for (size_t i = 0; i < change.size(); ++i) shift[i / columns] += change[i] * centred.means[i % columns];
  }
  std::vector<float> wanted(rows);
  for (size_t row = 0; row < rows; ++row)
    wanted[row] = static_cast<float>(linear.bias[row] - deviation.gaps[row] - shift[row]);
  wanted = rounded(bias.dtype, wanted, new_bias);

  double before = 0, after = 0;
  for (size_t row = 0; row < rows; ++row) {
    const double gap = deviation.gaps[row];
    const double left = gap + shift[row] + (static_cast<double>(wanted[row]) - linear.bias[row]);
    const double error = deviation.errors[row] + tokens * gap * gap;
    const double gain = tokens * (left * left - gap * gap) + growth[row];
    before += error;
    // Not a number where a weight became too large for its dtype.
    const bool better = gain < 0;
    after += better ? std::max(error + gain, 0.0) : error;
    result.unchanged_rows += !better;
    if (!better) continue;
    if (!change.empty()) copy_row(new_weight, row, rows, result.weight);
    copy_row(new_bias, row, rows, result.bias);
  }
  result.masked_error = share_of(before, deviation.energy);
  result.updated_error = share_of(after, deviation.energy);
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
    change = refit(centred, deviation, kept_bits(weight.bits, linear.weights.size()), aim.damping,
                   weight.name, pool, control);
  }
  return settle({weight, bias, linear, centred, std::move(kept), std::move(deviation), std::move(change)},
                pool);
}

}  // namespace twofour::pruning

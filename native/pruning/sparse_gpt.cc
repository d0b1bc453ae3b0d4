#include "pruning/sparse_gpt.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "algebra/factors.h"
#include "algebra/products.h"
#include "base/bits.h"
#include "pruning/keys.h"
#include "pruning/refit.h"

namespace twofour::pruning {
namespace {

/// Rows that one task has to itself: their bits begin a byte.
constexpr size_t kRows = 8;

class Sweep {
 public:
  Sweep(std::vector<float> weights, const std::vector<double>& upper, std::vector<uint8_t> bits, size_t rows,
        const Pattern& pattern, size_t block)
      : rows_(rows),
        columns_(weights.size() / std::max<size_t>(rows, 1)),
        pattern_(pattern),
        block_(std::max<size_t>(block, 1)),
        weights_(std::move(weights)),
        upper_(upper.begin(), upper.end()),
        bits_(std::move(bits)) {
    if (const auto* groups = std::get_if<NOfM>(&pattern_))
      block_ = (block_ + groups->m - 1) / groups->m * groups->m;
  }

  void run(ThreadPool& pool, Control& control) {
    for (size_t first = 0; first < columns_; first += block_) {
      control.report(first, columns_);
      sweep(first, std::min(first + block_, columns_), pool);
    }
  }

  std::vector<float> weights() && { return std::move(weights_); }
  std::vector<uint8_t> bits() && { return std::move(bits_); }

 private:
  void sweep(size_t first, size_t end, ThreadPool& pool) {
    if (const auto* part = std::get_if<Unstructured>(&pattern_)) thin_out(*part, first, end);
    const size_t width = end - first;
    losses_.assign(rows_ * width, 0.0f);
    pool.run((rows_ + kRows - 1) / kRows, [&](size_t task, size_t) {
      for (size_t row = task * kRows; row < std::min((task + 1) * kRows, rows_); ++row)
        sweep_row(row, first, end);
    });
    algebra::add_product(losses_.data(), width, upper_.data() + first * columns_ + end, columns_, rows_,
                         width, columns_ - end, -1.0f, weights_.data() + end, columns_, pool);
  }

  void sweep_row(size_t row, size_t first, size_t end) {
    float* weights = weights_.data() + row * columns_;
    const auto* groups = std::get_if<NOfM>(&pattern_);
    for (size_t i = first; i < end; ++i) {
      if (groups != nullptr && i % groups->m == 0 && i + groups->m <= columns_) keep_best(*groups, row, i);
      if (bit_at(bits_, row * columns_ + i)) continue;
      const float* factors = upper_.data() + i * columns_;
      const float loss = weights[i] / factors[i];
      for (size_t j = i + 1; j < end; ++j) weights[j] -= loss * factors[j];
      weights[i] = 0;
      losses_[row * (end - first) + i - first] = loss;
    }
  }

  Key key_at(size_t row, size_t column) const {
    if (!bit_at(bits_, row * columns_ + column)) return 0;
    const float ratio = weights_[row * columns_ + column] / upper_[column * columns_ + column];
    return std::bit_cast<Key>(ratio * ratio) + 1;
  }

  void keep_best(const NOfM& groups, size_t row, size_t first) {
    std::vector<Key> keys(groups.m);
    for (size_t i = 0; i < groups.m; ++i) keys[i] = key_at(row, first + i);
    for (size_t i = 0; i < groups.m; ++i) {
      size_t better = 0;
      for (size_t j = 0; j < groups.m; ++j) better += j < i ? keys[j] >= keys[i] : keys[j] > keys[i];
      if (better >= groups.n) clear_bit(bits_, row * columns_ + first + i);
    }
  }

  void thin_out(const Unstructured& part, size_t first, size_t end) {
    const size_t width = end - first;
    std::vector<Key> keys(rows_ * width);
    for (size_t i = 0; i < keys.size(); ++i) keys[i] = key_at(i / width, first + i % width);
    std::vector<uint8_t> kept(bytes_of_bits(keys.size()), 0xff);
    const double wanted = std::floor(part.fraction * static_cast<double>(rows_ * end) + 0.5);
    const size_t remove =
        std::min(keys.size(), static_cast<size_t>(wanted) - std::min(static_cast<size_t>(wanted), zeros_));
    const std::span<const Key> run(keys);
    std::span<uint8_t> run_bits(kept);
    clear_lowest({&run, 1}, remove, {&run_bits, 1});
    for (size_t i = 0; i < keys.size(); ++i) {
      if (bit_at(kept, i) && keys[i] != 0) continue;
      clear_bit(bits_, i / width * columns_ + first + i % width);
      ++zeros_;
    }
  }

  size_t rows_, columns_;
  const Pattern& pattern_;
  size_t block_;
  std::vector<float> weights_, upper_, losses_;
  std::vector<uint8_t> bits_;
  size_t zeros_ = 0;  ///< Of the columns so far.
};

std::vector<double> upper_factor(const Centred& centred, double shift, std::string_view name,
                                 ThreadPool& pool) {
  const size_t columns = centred.columns;
  std::vector<double> matrix(centred.products.begin(), centred.products.end());
  for (size_t i = 0; i < columns; ++i) {
    matrix[i * columns + i] += shift;
    if (centred.dead[i] != 0 && shift == 0) matrix[i * columns + i] = 1;
  }
  auto upper = algebra::upper_factor_of_inverse(std::move(matrix), columns, pool);
  if (!upper) throw_singular(name, centred);
  return *std::move(upper);
}

/// (cross + λ W) · H⁻¹, with H⁻¹ = Uᵀ · U.
std::vector<float> towards_target(const Linear& linear, const Centred& centred, const Aim& aim, double shift,
                                  const std::vector<double>& upper, ThreadPool& pool) {
  const size_t rows = linear.rows, columns = linear.columns;
  const std::vector<float> cross = centred_cross(aim.moments, centred, aim.target_row, rows);
  std::vector<double> right(rows * columns), half(rows * columns), solved(rows * columns);
  for (size_t i = 0; i < right.size(); ++i)
    right[i % columns * rows + i / columns] = cross[i] + shift * linear.weights[i];
  algebra::add_product(upper.data(), columns, right.data(), rows, columns, columns, rows, 1.0, half.data(),
                       rows, pool);
  algebra::add_transposed_product(upper.data(), columns, half.data(), rows, columns, columns, rows, 1.0,
                                  solved.data(), rows, pool);
  std::vector<float> weights(rows * columns);
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = static_cast<float>(solved[i % columns * rows + i / columns]);
  return weights;
}

}  // namespace

SparseGpt sparse_gpt(const WeightSource& weight, const WeightSource& bias, const Aim& aim,
                     const Pattern& pattern, size_t block, ThreadPool& pool, Control& control) {
  const Linear linear = read_stored(weight, bias);
  const Centred centred = centre(aim.moments, pool);
  const double shift = aim.damping * centred.mean_diagonal;
  control.check();
  const std::vector<double> upper = upper_factor(centred, shift, weight.name, pool);
  control.check();
  std::vector<float> weights =
      aim.moments.rows == 0 ? linear.weights : towards_target(linear, centred, aim, shift, upper, pool);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (centred.dead[i % linear.columns] != 0) weights[i] = 0;
  }
  Sweep sweep(std::move(weights), upper, kept_bits(weight.bits, weight.stored_elements()), linear.rows,
              pattern, block);
  sweep.run(pool, control);

  WeightSource chosen = weight;
  std::vector<float> change = std::move(sweep).weights();
  chosen.bits = std::move(sweep).bits();
  std::vector<float> kept = masked(linear.weights, chosen.bits);
  for (size_t i = 0; i < change.size(); ++i) change[i] -= kept[i];
  Deviation deviation = deviation_of(kept, linear, centred, aim.moments, aim.target_row, pool);
  SparseGpt result;
  result.updated =
      settle({chosen, bias, linear, centred, std::move(kept), std::move(deviation), std::move(change)}, pool);
  result.bits = std::move(chosen.bits);
  result.kept = count_bits(result.bits);
  const auto* groups = std::get_if<NOfM>(&pattern);
  result.tail = groups == nullptr ? 0 : linear.columns % groups->m;
  return result;
}

}  // namespace twofour::pruning

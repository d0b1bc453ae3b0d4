#include "pruning/sparse_gpt.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "algebra/factors.h"
#include "algebra/products.h"
#include "base/bits.h"
#include "pruning/keys.h"
#include "pruning/objective.h"

namespace twofour::pruning {
namespace {

/// Rows that one task has to itself: their bits begin a byte.
constexpr size_t kRows = 8;

/// N:M groups over the inputs that are there; none at all for another pattern.
class Groups {
 public:
  Groups(const Pattern& pattern, const WeightSource& weight) : split_(weight.stored_columns() + 1, false) {
    const auto* form = std::get_if<NOfM>(&pattern);
    if (form == nullptr) return;
    n = form->n, m = form->m;
    inputs_ = weight.columns.value_or(every(weight.stored_columns()));
    for (size_t at = 0; at + m <= inputs_.size(); at += m) {
      first_.emplace(inputs_[at], at);
      const auto begin = static_cast<size_t>(inputs_[at]), last = static_cast<size_t>(inputs_[at + m - 1]);
      std::fill(split_.begin() + static_cast<ptrdiff_t>(begin) + 1,
                split_.begin() + static_cast<ptrdiff_t>(last) + 1, true);
    }
  }

  size_t n = 0, m = 0;
  size_t tail() const { return m == 0 ? 0 : inputs_.size() % m; }
  /// The inputs of the group that begins with this column; nothing where none does.
  std::span<const int32_t> beginning_with(size_t column) const {
    const auto found = first_.find(static_cast<int32_t>(column));
    return found == first_.end() ? std::span<const int32_t>() : std::span(inputs_).subspan(found->second, m);
  }
  /// The first column from this one on before which no group is cut.
  size_t whole(size_t column) const {
    while (split_[column]) ++column;
    return column;
  }

 private:
  static std::vector<int32_t> every(size_t columns) {
    std::vector<int32_t> all(columns);
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  std::vector<int32_t> inputs_;
  std::unordered_map<int32_t, size_t> first_;
  std::vector<bool> split_;
};

class Sweep {
 public:
  Sweep(std::vector<float> weights, const std::vector<double>& upper, std::vector<uint8_t> bits, size_t rows,
        const Pattern& pattern, const Groups& groups)
      : rows_(rows),
        columns_(weights.size() / std::max<size_t>(rows, 1)),
        pattern_(pattern),
        groups_(groups),
        weights_(std::move(weights)),
        upper_(upper.begin(), upper.end()),
        bits_(std::move(bits)) {}

  void run(size_t block, ThreadPool& pool, Control& control) {
    for (size_t first = 0; first < columns_;) {
      control.report(first, columns_);
      const size_t end = groups_.whole(std::min(first + std::max<size_t>(block, 1), columns_));
      sweep(first, end, pool);
      first = end;
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
    for (size_t i = first; i < end; ++i) {
      keep_best(groups_.beginning_with(i), row);
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

  void keep_best(std::span<const int32_t> group, size_t row) {
    std::vector<Key> keys(group.size());
    for (size_t i = 0; i < group.size(); ++i) keys[i] = key_at(row, static_cast<size_t>(group[i]));
    for (size_t i = 0; i < group.size(); ++i) {
      size_t better = 0;
      for (size_t j = 0; j < group.size(); ++j) better += j < i ? keys[j] >= keys[i] : keys[j] > keys[i];
      if (better >= groups_.n) clear_bit(bits_, row * columns_ + static_cast<size_t>(group[i]));
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
  const Groups& groups_;
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
  const Groups groups(pattern, weight);
  Sweep sweep(std::move(weights), upper, kept_bits(weight.bits, weight.stored_elements()), linear.rows,
              pattern, groups);
  sweep.run(block, pool, control);

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
  result.tail = groups.tail();
  return result;
}

}  // namespace twofour::pruning

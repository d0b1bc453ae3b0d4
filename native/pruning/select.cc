#include "pruning/select.h"

#include <bit>
#include <cmath>
#include <numeric>

#include "base/bits.h"
#include "pruning/keys.h"
#include "pruning/scores.h"

namespace twofour::pruning {
namespace {

struct Matrix {
  size_t rows, columns;
  std::vector<uint8_t> bits;
  std::vector<Key> keys;
};

size_t to_remove(double fraction, size_t count) {
  return std::min(count, static_cast<size_t>(std::floor(fraction * static_cast<double>(count) + 0.5)));
}

Matrix scored(const WeightSource& source, Score score, const Draw& draw) {
  Matrix matrix{source.stored_rows(), source.stored_columns(), source.bits, {}};
  const bool all_kept = matrix.bits.empty();
  const size_t elements = source.stored_elements();
  if (matrix.bits.empty()) matrix.bits.assign(bytes_of_bits(elements), 0xff);
  if (elements % 8 != 0) matrix.bits.back() &= static_cast<uint8_t>((1u << (elements % 8)) - 1);
  const std::vector<float> weights = read_floats(source, true);
  std::vector<float> scores(elements);
  score(weights, draw, scores);
  matrix.keys.resize(elements);
  for (size_t i = 0; i < elements; ++i) {
    matrix.keys[i] = all_kept || bit_at(matrix.bits, i) ? std::bit_cast<Key>(scores[i]) + 1 : 0;
  }
  return matrix;
}

/// Groups run over the columns that structure has left, so that the matrix has the pattern after their
/// removal.
std::vector<size_t> columns_of(const WeightSource& source) {
  if (source.columns) return {source.columns->begin(), source.columns->end()};
  std::vector<size_t> all(source.stored_columns());
  std::iota(all.begin(), all.end(), size_t{0});
  return all;
}

/// M is the group's size where the compiler shall know it, else 0.
template <size_t M>
void keep_in_groups(Matrix& matrix, const std::vector<size_t>& columns, const NOfM& pattern) {
  const size_t m = M == 0 ? pattern.m : M;
  std::vector<Key> group(m);
  for (size_t row = 0; row < matrix.rows; ++row) {
    const size_t line = row * matrix.columns;
    for (size_t first = 0; first + m <= columns.size(); first += m) {
      for (size_t i = 0; i < m; ++i) group[i] = matrix.keys[line + columns[first + i]];
      for (size_t i = 0; i < m; ++i) {
        size_t better = 0;
        for (size_t j = 0; j < i; ++j) better += group[j] >= group[i];
        for (size_t j = i + 1; j < m; ++j) better += group[j] > group[i];
        if (better >= pattern.n) clear_bit(matrix.bits, line + columns[first + i]);
      }
    }
  }
}

void keep_n_of_m(Matrix& matrix, const std::vector<size_t>& columns, const NOfM& pattern) {
  if (pattern.m == 4) return keep_in_groups<4>(matrix, columns, pattern);
  keep_in_groups<0>(matrix, columns, pattern);
}

void thin_out(Matrix& matrix, const Unstructured& pattern) {
  if (pattern.per == Per::matrix) {
    const std::span<const Key> keys(matrix.keys);
    std::span<uint8_t> bits(matrix.bits);
    clear_lowest({&keys, 1}, to_remove(pattern.fraction, keys.size()), {&bits, 1});
    return;
  }
  std::vector<Key> scratch;
  for (size_t row = 0; row < matrix.rows; ++row) {
    const std::span<const Key> keys = std::span(matrix.keys).subspan(row * matrix.columns, matrix.columns);
    clear_lowest_of_row(keys, to_remove(pattern.fraction, keys.size()), matrix.bits, row * matrix.columns,
                        scratch);
  }
}

void thin_out_together(std::vector<Matrix>& matrices, double fraction) {
  std::vector<std::span<const Key>> keys;
  std::vector<std::span<uint8_t>> bits;
  size_t elements = 0;
  for (Matrix& matrix : matrices) {
    keys.emplace_back(matrix.keys);
    bits.emplace_back(matrix.bits);
    elements += matrix.keys.size();
  }
  clear_lowest(keys, to_remove(fraction, elements), bits);
}

size_t count_bits(const std::vector<uint8_t>& bits) {
  size_t count = 0;
  for (const uint8_t byte : bits) count += static_cast<size_t>(std::popcount(byte));
  return count;
}

}  // namespace

Selection select(const std::vector<WeightSource>& sources, std::string_view score_name, uint64_t seed,
                 uint64_t stream, const Pattern& pattern, ThreadPool& pool, Control& control) {
  const Score score = score_named(score_name);
  const auto* unstructured = std::get_if<Unstructured>(&pattern);
  const auto* n_of_m = std::get_if<NOfM>(&pattern);
  const bool together = unstructured != nullptr && unstructured->per == Per::global;

  std::vector<Matrix> matrices(sources.size());
  std::atomic<size_t> done{0};
  pool.run(sources.size(), [&](size_t index, size_t worker) {
    control.check();
    matrices[index] = scored(sources[index], score, {seed, stream, index});
    if (n_of_m != nullptr) keep_n_of_m(matrices[index], columns_of(sources[index]), *n_of_m);
    if (unstructured != nullptr && !together) thin_out(matrices[index], *unstructured);
    // Bits are all that is needed later; keys are 32 times as large.
    if (!together) matrices[index].keys = {};
    ++done;
    if (worker == 0) control.report(done, sources.size());
  });
  if (together) thin_out_together(matrices, unstructured->fraction);

  Selection selection;
  for (size_t i = 0; i < matrices.size(); ++i) {
    Matrix& matrix = matrices[i];
    selection.kept.push_back(count_bits(matrix.bits));
    selection.tails.push_back(n_of_m == nullptr ? 0 : columns_of(sources[i]).size() % n_of_m->m);
    selection.bits.push_back(std::move(matrix.bits));
  }
  return selection;
}

}  // namespace twofour::pruning

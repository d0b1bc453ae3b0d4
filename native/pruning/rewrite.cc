#include "pruning/rewrite.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/bits.h"

namespace twofour::pruning {
namespace {

std::vector<int32_t> lines_of(const std::optional<std::vector<int32_t>>& chosen, size_t count) {
  if (chosen) return *chosen;
  std::vector<int32_t> all(count);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// Runs body(row of the result, row of the source, columns).
template <class Body>
void for_rows(const WeightSource& source, const Rewrite& how, ThreadPool& pool, Body&& body) {
  const std::vector<int32_t> rows = lines_of(how.rows, source.stored_rows());
  const std::vector<int32_t> columns = lines_of(how.columns, source.stored_columns());
  // Eight rows of bits are whole bytes.
  pool.run_ranges((rows.size() + 7) / 8, 1, [&](size_t begin, size_t end, size_t) {
    for (size_t row = begin * 8; row < std::min(end * 8, rows.size()); ++row)
      body(row, static_cast<size_t>(rows[row]), columns);
  });
}

void multiply(const WeightSource& source, const Rewrite& how, size_t row, size_t columns,
              std::byte* numbers) {
  if (how.row_factors.empty() && how.column_factors.empty()) return;
  std::vector<float> line(columns);
  to_float(source.dtype, numbers, columns, line.data());
  for (size_t i = 0; i < columns; ++i) {
    if (!how.row_factors.empty()) line[i] *= how.row_factors[row];
    if (!how.column_factors.empty()) line[i] *= how.column_factors[i];
  }
  from_float(source.dtype, line.data(), columns, numbers);
}

template <class Number>
void gather(const std::vector<Number>& from, size_t columns, const std::vector<int32_t>& order, size_t row,
            std::vector<Number>& to) {
  for (size_t i = 0; i < order.size(); ++i)
    to[row * order.size() + i] = from[row * columns + static_cast<size_t>(order[i])];
}

}  // namespace

Rewritten rewrite(const WeightSource& source, const Rewrite& how, ThreadPool& pool) {
  WeightSource stored = source;
  stored.bits.clear();
  stored.rows.reset();
  stored.columns.reset();
  const std::vector<std::byte> bytes = read_bytes(stored);
  const size_t width = width_of(source.dtype), from_columns = source.stored_columns();
  const size_t rows = how.rows ? how.rows->size() : source.stored_rows();
  const size_t count = rows * (how.columns ? how.columns->size() : from_columns);
  Rewritten result;
  result.numbers.resize(count * width);
  if (!source.bits.empty()) result.bits.resize(bytes_of_bits(count));
  for_rows(source, how, pool, [&](size_t row, size_t from, const std::vector<int32_t>& columns) {
    std::byte* line = result.numbers.data() + row * columns.size() * width;
    for (size_t i = 0; i < columns.size(); ++i) {
      const size_t element = from * from_columns + static_cast<size_t>(columns[i]);
      std::memcpy(line + i * width, bytes.data() + element * width, width);
      if (source.bits.empty() || !bit_at(source.bits, element)) continue;
      const size_t bit = row * columns.size() + i;
      result.bits[bit / 8] |= static_cast<uint8_t>(1u << bit % 8);
    }
    multiply(source, how, row, columns.size(), line);
  });
  return result;
}

Moments reordered(const Moments& moments, const std::vector<int32_t>& order, ThreadPool& pool) {
  Moments result = moments;
  const size_t columns = moments.columns;
  gather(moments.sums, columns, order, 0, result.sums);
  gather(moments.squares, columns, order, 0, result.squares);
  if (!moments.products.empty()) {
    pool.run_ranges(columns, 16, [&](size_t begin, size_t end, size_t) {
      for (size_t i = begin; i < end; ++i) {
        const float* from = moments.products.data() + static_cast<size_t>(order[i]) * columns;
        for (size_t j = 0; j < columns; ++j)
          result.products[i * columns + j] = from[static_cast<size_t>(order[j])];
      }
    });
  }
  for (size_t row = 0; row < moments.rows; ++row) gather(moments.cross, columns, order, row, result.cross);
  return result;
}

}  // namespace twofour::pruning

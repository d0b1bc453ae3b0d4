#pragma once
#include <algorithm>
#include <cstring>
#include <utility>

#include "cpu/kernels.h"
#include "cpu/shuffles.h"
#include "cpu/simd.h"

/// The product with a sparse matrix, written once. Lanes are tokens: activations stand transposed, [column]
/// [token], so that a nonzero costs one broadcast and V multiply-adds wherever in its row it stands. Every
/// sum adds its terms one by one in the order of k, whatever V and R are: a token's result does not depend on
/// the tokens beside it.
namespace twofour::cpu {
namespace {

template <int W>
TWOFOUR_INLINE size_t whole_vectors(size_t tokens) {
  return (tokens + W - 1) / W * W;
}

template <int W>
void to_columns_body(const float* rows, size_t tokens, size_t width, float* tile) {
  const size_t stride = whole_vectors<W>(tokens);
  for (size_t token = 0; token < stride; token += W) {
    const size_t here = std::min<size_t>(W, tokens - token);
    const float* from = rows + token * width;
    size_t k = 0;
    for (; k + W <= width; k += W) {
      Square<W> square;
#pragma GCC unroll 16
      for (size_t i = 0; i < W; ++i) square[i] = i < here ? load<W>(from + i * width + k) : Floats<W>{};
      transpose<W>(square);
#pragma GCC unroll 16
      for (size_t i = 0; i < W; ++i) store<W>(tile + (k + i) * stride + token, square[i]);
    }
    for (; k < width; ++k) {
      for (size_t i = 0; i < W; ++i) tile[k * stride + token + i] = i < here ? from[i * width + k] : 0.0f;
    }
  }
}

/// How many nonzeros ahead memory is asked for: a large matrix comes from beyond the second cache.
constexpr size_t kAhead = 768;

/// The lists of R rows within one depth block; the first is the longest.
template <int R>
struct RowLists {
  const uint16_t* counts;
  const uint8_t* order;
  const float* values[R];
  const uint8_t* columns[R];
};

/// all_sums[row][token] += these rows · tile; `first` begins the sums. Weights come four to a load, because
/// loads are what bounds the loop: one load for each takes longer.
template <int W, int V, int R>
TWOFOUR_INLINE void add_rows(const RowLists<R>& rows, const float* tile, bool first, float* all_sums) {
  using Lanes = std::make_integer_sequence<int, W>;
  Floats<W> sums[R][V];
  const auto add = [&](int r, size_t j, Floats<W> weight) __attribute__((always_inline)) {
    const float* x = tile + size_t{rows.columns[r][j]} * (W * V);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sums[r][v] += weight * load<W>(x + v * W);
  };
  float* to[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    to[r] = all_sums + size_t{rows.order[r]} * (W * V);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sums[r][v] = first ? Floats<W>{} : load<W>(to[r] + v * W);
  }
  const size_t shared = rows.counts[R - 1] / 4 * 4;
  for (size_t j = 0; j < shared; j += 4) {
    __builtin_prefetch(rows.values[0] + j * R + kAhead);
    if (j % 32 == 0) __builtin_prefetch(rows.columns[0] + j * R + kAhead);
    Floats<W> four[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) four[r] = repeated<W>(rows.values[r] + j);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) add(r, j, one_of<W, 0>(four[r], Lanes{}));
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) add(r, j + 1, one_of<W, 1>(four[r], Lanes{}));
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) add(r, j + 2, one_of<W, 2>(four[r], Lanes{}));
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) add(r, j + 3, one_of<W, 3>(four[r], Lanes{}));
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    for (size_t j = shared; j < rows.counts[r]; ++j) add(r, j, all<W>(rows.values[r][j]));
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) store<W>(to[r] + v * W, sums[r][v]);
  }
}

/// sums[row][token] of one group of rows.
template <int W, int V, int R>
TWOFOUR_INLINE void add_group(const SparseBlock& block, size_t group, float* sums) {
  const SparseLists& lists = block.lists;
  const float* values = lists.values + lists.starts[group];
  const uint8_t* columns = lists.columns + lists.starts[group];
  for (size_t depth = 0; depth < lists.blocks; ++depth) {
    const float* tile = block.tile + depth * kSparseDepth * (W * V);
    const size_t first = (group * lists.blocks + depth) * kSparseRows;
    for (size_t i = 0; i < kSparseRows; i += R) {
      RowLists<R> rows{lists.counts + first + i, lists.order + first + i, {}, {}};
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        rows.values[r] = values;
        rows.columns[r] = columns;
        values += rows.counts[r];
        columns += rows.counts[r];
      }
      add_rows<W, V, R>(rows, tile, depth == 0, sums);
    }
  }
}

/// y = activation(sums + bias) + residual for W rows and up to W tokens; `left` rows of them exist.
template <int W>
TWOFOUR_INLINE void finish_square(const SparseBlock& block, Square<W>& square, size_t token, size_t row) {
  const size_t tokens = std::min<size_t>(W, block.tokens - token), left = block.rows - row;
  float bias[W] = {};
  std::memcpy(bias, block.bias + row, std::min<size_t>(W, left) * sizeof(float));
  for (size_t i = 0; i < tokens; ++i) {
    const size_t at = (token + i) * block.rows + row;
    Floats<W> y = activated<W>(block.activation, square[i] + load<W>(bias));
    if (left >= W) {
      if (block.residual != nullptr) y += load<W>(block.residual + at);
      store<W>(block.output + at, y);
    } else {
      for (size_t lane = 0; lane < left; ++lane) {
        block.output[at + lane] = y[lane] + (block.residual == nullptr ? 0.0f : block.residual[at + lane]);
      }
    }
  }
}

template <int W>
void finish_group(const SparseBlock& block, size_t first_row, const float* sums) {
  const size_t stride = whole_vectors<W>(block.tokens);
  const size_t rows = std::min(kSparseRows, block.rows - first_row);
  for (size_t row = 0; row < rows; row += W) {
    for (size_t token = 0; token < block.tokens; token += W) {
      Square<W> square;
#pragma GCC unroll 16
      for (size_t i = 0; i < W; ++i) square[i] = load<W>(sums + (row + i) * stride + token);
      transpose<W>(square);
      finish_square<W>(block, square, token, first_row + row);
    }
  }
}

/// Sums that hide the latency of the multiply-adds and, with what else the loop holds, fit the registers:
/// 512-bit instructions start once a cycle, narrower ones twice.
template <int W>
constexpr int kSumsAtOnce = W == 16 ? 4 : 8;

/// Narrow tiles take several rows at once. A divisor of kSparseRows.
template <int W>
constexpr int rows_at_once(int vectors) {
  return kSumsAtOnce<W> / vectors >= 4 ? 4 : kSumsAtOnce<W> / vectors >= 2 ? 2 : 1;
}

template <int W, int V>
void sparse_groups(const SparseBlock& block) {
  alignas(64) float sums[kSparseRows * W * V];
  for (size_t group = block.first_group; group < block.last_group; ++group) {
    if (block.lists.blocks == 0) std::memset(sums, 0, sizeof sums);
    add_group<W, V, rows_at_once<W>(V)>(block, group, sums);
    finish_group<W>(block, group * kSparseRows, sums);
  }
}

/// The fewest vectors V that hold the tokens.
template <int W, int V>
void sparse_body(const SparseBlock& block) {
  if constexpr (V > 1) {
    if (block.tokens <= (V - 1) * W) return sparse_body<W, V - 1>(block);
  }
  sparse_groups<W, V>(block);
}

}  // namespace
}  // namespace twofour::cpu

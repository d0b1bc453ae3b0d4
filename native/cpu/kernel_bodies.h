#pragma once
#include <algorithm>
#include <cmath>

#include "cpu/kernels.h"
#include "cpu/shuffles.h"
#include "cpu/simd.h"
#include "cpu/sparse_bodies.h"
#include "cpu/words.h"

/// The inner loops, written once. W lanes to a vector, V vectors to a panel, R tokens to a tile: an R × (W·V)
/// tile of sums lives in registers while the depth runs past.
namespace twofour::cpu {
namespace {

template <class Op, int V, int R>
struct Tile {
  typename Op::Sum sums[R][V];

  /// sums = a · panel over `depth` words; rows of `a` are `stride` words apart, those of the panel `step`.
  TWOFOUR_INLINE void multiply(size_t depth, const typename Op::Word* a, size_t stride,
                               const typename Op::Word* panel, size_t step = V * Op::kLanes) {
    constexpr int W = Op::kLanes;
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[r][v] = typename Op::Sum{};
    }
    for (size_t k = 0; k < depth; ++k, panel += step) {
      typename Op::Words b[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) std::memcpy(&b[v], panel + v * W, sizeof b[v]);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const typename Op::Words x = a[r * stride + k] - typename Op::Words{};
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sums[r][v] = Op::dot(sums[r][v], x, b[v]);
      }
    }
  }
};

/// Calls body.template operator()<R>() for the R in 1…Max that equals `rows`.
template <int Max, class Body>
TWOFOUR_INLINE void with_rows(size_t rows, Body&& body) {
  if constexpr (Max > 1) {
    if (rows < Max) return with_rows<Max - 1>(rows, body);
  }
  body.template operator()<Max>();
}

/// y = activation(y) + residual over `count` numbers, whole vectors.
template <int W>
TWOFOUR_INLINE void activate_row(Activation activation, const float* residual, size_t count, float* y) {
  for (size_t i = 0; i < count; i += W) {
    Floats<W> value = activated<W>(activation, load<W>(y + i));
    if (residual != nullptr) value += load<W>(residual + i);
    store<W>(y + i, value);
  }
}

/// The sums leave their registers as they are, with bias; what costs more is done over rows in the cache, so
/// that it is not unrolled R·V times.
template <class Op, int V, int R>
TWOFOUR_INLINE void finish_tile(const Tile<Op, V, R>& tile, const LinearBlock& block, size_t token,
                                size_t row, const float* residual, size_t stride, float* out) {
  constexpr int W = Op::kLanes;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const Floats<W> product = Op::value(tile.sums[r][v], block, token + r, row + v * W);
      store<W>(out + r * stride + v * W, product + load<W>(block.bias + row + v * W));
    }
  }
  if (block.activation == Activation::none && residual == nullptr) return;
  for (int r = 0; r < R; ++r) {
    activate_row<W>(block.activation, residual == nullptr ? nullptr : residual + r * stride, V * W,
                    out + r * stride);
  }
}

template <class Op, int V, int R>
TWOFOUR_INLINE void linear_tile(const LinearBlock& block, size_t token, size_t panel) {
  using Word = typename Op::Word;
  constexpr size_t kPanel = V * Op::kLanes;
  const size_t row = panel * kPanel, at = token * block.rows + row;
  Tile<Op, V, R> tile;
  tile.multiply(block.depth, static_cast<const Word*>(block.input) + token * block.depth, block.depth,
                static_cast<const Word*>(block.panels) + panel * kPanel * block.depth);
  if (row + kPanel <= block.rows) {
    const float* residual = block.residual == nullptr ? nullptr : block.residual + at;
    finish_tile(tile, block, token, row, residual, block.rows, block.output + at);
    return;
  }
  // The last panel may reach beyond the matrix: its numbers are picked from a whole one.
  float whole[R * kPanel];
  finish_tile(tile, block, token, row, nullptr, kPanel, whole);
  for (size_t r = 0; r < R; ++r) {
    for (size_t i = 0; row + i < block.rows; ++i) {
      const size_t to = at + r * block.rows + i;
      block.output[to] = whole[r * kPanel + i] + (block.residual == nullptr ? 0.0f : block.residual[to]);
    }
  }
}

template <class Op, int V, int R>
void linear_body(const LinearBlock& block) {
  for (size_t panel = block.first_panel; panel < block.last_panel; ++panel) {
    for (size_t token = 0; token < block.tokens; token += R) {
      with_rows<R>(std::min<size_t>(R, block.tokens - token), [&]<int Rows>() __attribute__((always_inline)) {
        linear_tile<Op, V, Rows>(block, token, panel);
      });
    }
  }
}

template <size_t Panel>
TWOFOUR_INLINE size_t padded(size_t size) {
  return (size + Panel - 1) / Panel * Panel;
}

/// Keys as panels over tokens, values as panels over the head's columns, then one tile of scores.
template <int W, int V, int R>
size_t attention_scratch_body(size_t tokens, size_t head_size) {
  constexpr size_t kPanel = W * V;
  return padded<kPanel>(tokens) * head_size + padded<kPanel>(head_size) * tokens + R * padded<kPanel>(tokens);
}

template <int W>
TWOFOUR_INLINE float softmax_row(float* scores, size_t padded_tokens) {
  Floats<W> highest = load<W>(scores);
  for (size_t j = W; j < padded_tokens; j += W) {
    const Floats<W> value = load<W>(scores + j);
    highest = value < highest ? highest : value;
  }
  float top = highest[0];
  for (int lane = 1; lane < W; ++lane) top = highest[lane] < top ? top : highest[lane];
  Floats<W> total{};
  for (size_t j = 0; j < padded_tokens; j += W) {
    const Floats<W> e = exponential<W>(load<W>(scores + j) - top);
    total += e;
    store<W>(scores + j, e);
  }
  return sum<W>(total);
}

/// scores = scale · query · keys for R queries and the keys of V vectors of a panel.
template <int W, int V, int R>
TWOFOUR_INLINE void score_tile(const AttentionBlock& block, const float* query, const float* keys,
                               size_t panel, size_t stride, float* scores) {
  Tile<Float32<W>, V, R> tile;
  tile.multiply(block.head_size, query, block.stride, keys, panel);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store<W>(scores + r * stride + v * W, tile.sums[r][v] * block.scale);
  }
}

/// output = weights · values / total for R queries and one panel of the head's columns.
template <int W, int V, int R>
TWOFOUR_INLINE void mix_tile(const AttentionBlock& block, const float* weights, size_t stride,
                             const float* values, const float* inverse, size_t width, float* output) {
  constexpr size_t kPanel = W * V;
  Tile<Float32<W>, V, R> tile;
  tile.multiply(block.tokens, weights, stride, values);
  float part[R * kPanel];
  const bool whole = width == kPanel;
  float* to = whole ? output : part;
  const size_t step = whole ? block.output_stride : kPanel;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store<W>(to + r * step + v * W, tile.sums[r][v] * inverse[r]);
  }
  if (whole) return;
  for (int r = 0; r < R; ++r)
    std::memcpy(output + r * block.output_stride, part + r * kPanel, width * sizeof(float));
}

/// Rows of R queries over all keys, whole vectors: e to the score, less the highest. `inverse` is one over
/// their sums.
template <int W, int V, int R>
TWOFOUR_INLINE void weigh_tile(const AttentionBlock& block, size_t query, const float* keys, float* scores,
                               float* inverse) {
  constexpr size_t kPanel = W * V;
  const size_t stride = padded<W>(block.tokens);
  const float* queries = block.query + query * block.stride;
  size_t j = 0;
  for (; j + kPanel <= stride; j += kPanel)
    score_tile<W, V, R>(block, queries, keys + j * block.head_size, kPanel, stride, scores + j);
  const float* rest = keys + j * block.head_size;
  for (; j < stride; j += W, rest += W) score_tile<W, 1, R>(block, queries, rest, kPanel, stride, scores + j);
  for (int r = 0; r < R; ++r) {
    float* row = scores + r * stride;
    if (block.bias != nullptr) {
      const float* bias = block.bias - static_cast<ptrdiff_t>(query + r);
      for (size_t i = 0; i < block.tokens; ++i) row[i] += bias[i];
    }
    // Far below any score: its exponential vanishes beside the row's largest, which is 1.
    for (size_t i = block.tokens; i < stride; ++i) row[i] = -1e30f;
    inverse[r] = 1.0f / softmax_row<W>(row, stride);
  }
}

template <int W, int V, int R>
TWOFOUR_INLINE void attention_tile(const AttentionBlock& block, size_t query, const float* keys,
                                   const float* values, float* scores) {
  constexpr size_t kPanel = W * V;
  float inverse[R];
  weigh_tile<W, V, R>(block, query, keys, scores, inverse);
  for (size_t column = 0; column < block.head_size; column += kPanel) {
    mix_tile<W, V, R>(block, scores, padded<W>(block.tokens), values + column * block.tokens, inverse,
                      std::min(kPanel, block.head_size - column),
                      block.output + query * block.output_stride + column);
  }
}

/// W tokens of the keys, transposed into their lanes of a panel; those beyond `count` are zeros.
template <int W, size_t Panel>
TWOFOUR_INLINE void pack_keys(const float* from, size_t stride, size_t count, size_t size, float* to) {
  size_t d = 0;
  for (; d + W <= size; d += W) {
    Square<W> square;
#pragma GCC unroll 16
    for (size_t i = 0; i < W; ++i) square[i] = i < count ? load<W>(from + i * stride + d) : Floats<W>{};
    transpose<W>(square);
#pragma GCC unroll 16
    for (size_t i = 0; i < W; ++i) store<W>(to + (d + i) * Panel, square[i]);
  }
  for (; d < size; ++d) {
    for (size_t i = 0; i < W; ++i) to[d * Panel + i] = i < count ? from[i * stride + d] : 0.0f;
  }
}

template <int W, size_t Panel>
TWOFOUR_INLINE void pack_all_keys(const AttentionBlock& block, float* keys) {
  const size_t size = block.head_size;
  for (size_t j = 0; j < block.tokens; j += W) {
    pack_keys<W, Panel>(block.key + j * block.stride, block.stride, std::min<size_t>(W, block.tokens - j),
                        size, keys + j / Panel * size * Panel + j % Panel);
  }
}

template <int W, int V, int R>
TWOFOUR_INLINE void attention_body(const AttentionBlock& block) {
  constexpr size_t kPanel = W * V;
  const size_t tokens = block.tokens, size = block.head_size;
  float* keys = block.scratch;
  float* values = keys + padded<kPanel>(tokens) * size;
  float* scores = values + padded<kPanel>(size) * tokens;
  pack_all_keys<W, kPanel>(block, keys);
  for (size_t column = 0; column < size; column += kPanel) {
    const size_t width = std::min(kPanel, size - column);
    for (size_t j = 0; j < tokens; ++j) {
      float* to = values + column * tokens + j * kPanel;
      const float* from = block.value + j * block.stride + column;
      if (width == kPanel) {
        std::memcpy(to, from, sizeof(float) * kPanel);
      } else {
        for (size_t c = 0; c < kPanel; ++c) to[c] = c < width ? from[c] : 0.0f;
      }
    }
  }
  for (size_t query = 0; query < tokens; query += R) {
    with_rows<R>(std::min<size_t>(R, tokens - query), [&]<int Rows>() __attribute__((always_inline)) {
      attention_tile<W, V, Rows>(block, query, keys, values, scores);
    });
  }
}

template <int W, int V, int R>
void probabilities_body(const AttentionBlock& block) {
  constexpr size_t kPanel = W * V;
  const size_t tokens = block.tokens, stride = padded<W>(tokens);
  float* keys = block.scratch;
  float* scores = keys + padded<kPanel>(tokens) * block.head_size;
  pack_all_keys<W, kPanel>(block, keys);
  for (size_t query = 0; query < tokens; query += R) {
    with_rows<R>(std::min<size_t>(R, tokens - query), [&]<int Rows>() __attribute__((always_inline)) {
      float inverse[Rows];
      weigh_tile<W, V, Rows>(block, query, keys, scores, inverse);
      for (size_t r = 0; r < Rows; ++r) {
        float* to = block.output + (query + r) * block.output_stride;
        for (size_t i = 0; i < tokens; ++i) to[i] = scores[r * stride + i] * inverse[r];
      }
    });
  }
}

template <int W>
void activate_body(Activation activation, const float* in, size_t count, float* out) {
  const size_t whole = count / W * W;
  for (size_t i = 0; i < whole; i += W) store<W>(out + i, activated<W>(activation, load<W>(in + i)));
  float rest[W] = {};
  std::memcpy(rest, in + whole, (count - whole) * sizeof(float));
  store<W>(rest, activated<W>(activation, load<W>(rest)));
  std::memcpy(out + whole, rest, (count - whole) * sizeof(float));
}

template <int W>
void layer_norm_body(const float* in, const float* gain, const float* bias, float epsilon, size_t width,
                     float* out) {
  const size_t whole = width / W * W;
  Floats<W> total{};
  for (size_t i = 0; i < whole; i += W) total += load<W>(in + i);
  float mean = sum<W>(total);
  for (size_t i = whole; i < width; ++i) mean += in[i];
  mean /= static_cast<float>(width);
  Floats<W> squares{};
  for (size_t i = 0; i < whole; i += W) {
    const Floats<W> difference = load<W>(in + i) - mean;
    squares += difference * difference;
  }
  float variance = sum<W>(squares);
  for (size_t i = whole; i < width; ++i) variance += (in[i] - mean) * (in[i] - mean);
  variance /= static_cast<float>(width);
  const float scale = 1.0f / std::sqrt(variance + epsilon);
  for (size_t i = 0; i < whole; i += W) {
    store<W>(out + i, (load<W>(in + i) - mean) * scale * load<W>(gain + i) + load<W>(bias + i));
  }
  for (size_t i = whole; i < width; ++i) out[i] = (in[i] - mean) * scale * gain[i] + bias[i];
}

template <int W>
void to_levels_body(const float* row, size_t width, uint8_t* out, float* scale, int32_t* zero) {
  const size_t whole = width / W * W;
  // The rest of the row in a vector of its own, filled up with zeros, which are in every range.
  float rest[W] = {};
  std::memcpy(rest, row + whole, (width - whole) * sizeof(float));
  Floats<W> low{}, high{}, finite{};
  const auto widen = [&](Floats<W> x) __attribute__((always_inline)) {
    low = x < low ? x : low;
    high = x > high ? x : high;
    finite += x * 0.0f;
  };
  for (size_t i = 0; i < whole; i += W) widen(load<W>(row + i));
  widen(load<W>(rest));
  float least = 0, most = 0;
  for (int lane = 0; lane < W; ++lane) {
    least = low[lane] < least ? low[lane] : least;
    most = high[lane] > most ? high[lane] : most;
  }
  const float span = most / 255 - least / 255;
  const bool flat = !(span > 1.17549435e-38f);
  const float inverse = flat ? 1.0f : 1.0f / span;
  const float origin = flat ? 0.0f : std::nearbyint(-least * inverse);
  *scale = (flat ? 1.0f : span) + sum<W>(finite);
  *zero = static_cast<int32_t>(origin);
  const auto levels = [&](Floats<W> x) __attribute__((always_inline)) {
    // 1.5·2²³ rounds to whole numbers and leaves them in the low bits of the mantissa.
    Floats<W> level = x * inverse + 12582912.0f - 12582912.0f + origin;
    level = level > 0.0f ? level : Floats<W>{};
    level = level < 255.0f ? level : all<W>(255.0f);
    return __builtin_convertvector(__builtin_convertvector(level, Ints<W>), Bytes<W>);
  };
  for (size_t i = 0; i < whole; i += W) {
    const Bytes<W> bytes = levels(load<W>(row + i));
    std::memcpy(out + i, &bytes, W);
  }
  const Bytes<W> bytes = levels(load<W>(rest));
  std::memcpy(out + whole, &bytes, (width + 3) / 4 * 4 - whole);
}

template <int W>
void to_bfloat16_body(const float* row, size_t width, uint16_t* out) {
  const auto halves = [](Floats<W> x) __attribute__((always_inline)) {
    const Ints<W> bits = bits_of<W>(x);
    const Ints<W> rounded = bits + 0x7fff + (bits >> 16 & 1);
    const Ints<W> kept = x == x ? rounded : bits | 0x400000;
    return __builtin_convertvector(kept >> 16, Halves<W>);
  };
  const size_t whole = width / W * W;
  for (size_t i = 0; i < whole; i += W) {
    const Halves<W> some = halves(load<W>(row + i));
    std::memcpy(out + i, &some, sizeof some);
  }
  float rest[W] = {};
  std::memcpy(rest, row + whole, (width - whole) * sizeof(float));
  const Halves<W> some = halves(load<W>(rest));
  std::memcpy(out + whole, &some, ((width + 1) / 2 * 2 - whole) * 2);
}

/// The functions of one file: W lanes, V vectors to a panel, R tokens to a tile; Dot4 multiplies levels, with
/// R4 tokens to a tile.
template <int W, int V, int R, class Dot4, int R4>
Kernels make_kernels(std::string_view isa) {
  return {
      .isa = isa,
      .panel = W * V,
      .linear = linear_body<Float32<W>, V, R>,
      .linear_bfloat16 = nullptr,
      .linear_int8 = linear_body<Levels8<W, Dot4>, V, R4>,
      .to_levels = to_levels_body<W>,
      .to_bfloat16 = to_bfloat16_body<W>,
      .sparse_tile = W * kSumsAtOnce<W>,
      .to_columns = to_columns_body<W>,
      .sparse = sparse_body<W, kSumsAtOnce<W>>,
      .attention_scratch = attention_scratch_body<W, V, R>,
      .attention = [](const AttentionBlock& block) { attention_body<W, V, R>(block); },
      .probabilities = probabilities_body<W, V, R>,
      .layer_norm = layer_norm_body<W>,
      .activate = activate_body<W>,
  };
}

}  // namespace
}  // namespace twofour::cpu

#pragma once
#include <algorithm>
#include <cmath>

#include "cpu/kernels.h"
#include "cpu/simd.h"

/// The inner loops, written once. W lanes to a vector, V vectors to a panel, R tokens to a tile: an R × (W·V)
/// tile of sums lives in registers while the depth runs past.
namespace twofour::cpu {
namespace {

template <int W, int V, int R>
struct Tile {
  Floats<W> sums[R][V];

  /// sums = a · panel over `depth`; rows of `a` are `stride` apart.
  TWOFOUR_INLINE void multiply(size_t depth, const float* a, size_t stride, const float* panel) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[r][v] = Floats<W>{};
    }
    for (size_t k = 0; k < depth; ++k, panel += W * V) {
      Floats<W> b[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) b[v] = load<W>(panel + v * W);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const Floats<W> x = all<W>(a[r * stride + k]);
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sums[r][v] += x * b[v];
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

template <int W, int V, int R>
TWOFOUR_INLINE void linear_tile(const LinearBlock& block, size_t token, size_t panel) {
  constexpr size_t kPanel = W * V;
  const size_t row = panel * kPanel;
  Tile<W, V, R> tile;
  tile.multiply(block.columns, block.input + token * block.columns, block.columns,
                block.panels + panel * kPanel * block.columns);
  for (int r = 0; r < R; ++r) {
    float* out = block.output + (token + r) * block.rows + row;
    const float* residual =
        block.residual == nullptr ? nullptr : block.residual + (token + r) * block.rows + row;
    for (int v = 0; v < V; ++v) {
      const size_t offset = static_cast<size_t>(v) * W;
      if (row + offset >= block.rows) break;
      const size_t left = block.rows - row - offset;
      Floats<W> y = activated<W>(block.activation, tile.sums[r][v] + load<W>(block.bias + row + offset));
      if (left >= W) {
        if (residual != nullptr) y += load<W>(residual + offset);
        store<W>(out + offset, y);
      } else {
        for (size_t lane = 0; lane < left; ++lane) {
          out[offset + lane] = y[lane] + (residual == nullptr ? 0.0f : residual[offset + lane]);
        }
      }
    }
  }
}

template <int W, int V, int R>
TWOFOUR_INLINE void linear_body(const LinearBlock& block) {
  for (size_t panel = block.first_panel; panel < block.last_panel; ++panel) {
    for (size_t token = 0; token < block.tokens; token += R) {
      with_rows<R>(std::min<size_t>(R, block.tokens - token), [&]<int Rows>() __attribute__((always_inline)) {
        linear_tile<W, V, Rows>(block, token, panel);
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

template <int W, int V, int R>
TWOFOUR_INLINE void attention_tile(const AttentionBlock& block, size_t query, const float* keys,
                                   const float* values, float* scores) {
  constexpr size_t kPanel = W * V;
  const size_t padded_tokens = padded<kPanel>(block.tokens);
  float inverse[R];
  for (size_t j = 0; j < padded_tokens; j += kPanel) {
    Tile<W, V, R> tile;
    tile.multiply(block.head_size, block.query + query * block.stride, block.stride,
                  keys + j * block.head_size);
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v)
        store<W>(scores + r * padded_tokens + j + v * W, tile.sums[r][v] * block.scale);
    }
  }
  for (int r = 0; r < R; ++r) {
    float* row = scores + r * padded_tokens;
    if (block.bias != nullptr) {
      const float* bias = block.bias - static_cast<ptrdiff_t>(query + r);
      for (size_t j = 0; j < block.tokens; ++j) row[j] += bias[j];
    }
    // Far below any score: its exponential vanishes beside the row's largest, which is 1.
    for (size_t j = block.tokens; j < padded_tokens; ++j) row[j] = -1e30f;
    inverse[r] = 1.0f / softmax_row<W>(row, padded_tokens);
  }
  for (size_t column = 0; column < block.head_size; column += kPanel) {
    Tile<W, V, R> tile;
    tile.multiply(block.tokens, scores, padded_tokens, values + column * block.tokens);
    const size_t width = std::min(kPanel, block.head_size - column);
    for (int r = 0; r < R; ++r) {
      float* out = block.output + (query + r) * block.output_stride + column;
      for (size_t c = 0; c < width; ++c) out[c] = tile.sums[r][c / W][c % W] * inverse[r];
    }
  }
}

template <int W, int V, int R>
TWOFOUR_INLINE void attention_body(const AttentionBlock& block) {
  constexpr size_t kPanel = W * V;
  const size_t tokens = block.tokens, size = block.head_size;
  float* keys = block.scratch;
  float* values = keys + padded<kPanel>(tokens) * size;
  float* scores = values + padded<kPanel>(size) * tokens;
  for (size_t j = 0; j < padded<kPanel>(tokens); ++j) {
    float* to = keys + j / kPanel * size * kPanel + j % kPanel;
    for (size_t d = 0; d < size; ++d) to[d * kPanel] = j < tokens ? block.key[j * block.stride + d] : 0.0f;
  }
  for (size_t column = 0; column < size; column += kPanel) {
    const size_t width = std::min(kPanel, size - column);
    for (size_t j = 0; j < tokens; ++j) {
      float* to = values + column * tokens + j * kPanel;
      const float* from = block.value + j * block.stride + column;
      for (size_t c = 0; c < kPanel; ++c) to[c] = c < width ? from[c] : 0.0f;
    }
  }
  for (size_t query = 0; query < tokens; query += R) {
    with_rows<R>(std::min<size_t>(R, tokens - query), [&]<int Rows>() __attribute__((always_inline)) {
      attention_tile<W, V, Rows>(block, query, keys, values, scores);
    });
  }
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

/// The functions of one file: W lanes, V vectors to a panel, R tokens to a tile.
template <int W, int V, int R>
Kernels make_kernels(std::string_view isa, bool supported) {
  return {
      .isa = isa,
      .supported = supported,
      .panel = W * V,
      .linear = [](const LinearBlock& block) { linear_body<W, V, R>(block); },
      .attention_scratch = attention_scratch_body<W, V, R>,
      .attention = [](const AttentionBlock& block) { attention_body<W, V, R>(block); },
      .layer_norm = layer_norm_body<W>,
  };
}

}  // namespace
}  // namespace twofour::cpu

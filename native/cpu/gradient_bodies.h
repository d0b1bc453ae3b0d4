#pragma once
#include "cpu/kernel_bodies.h"

/// The inner loops of gradients. Included like kernel_bodies.h, under the target of its file.
namespace twofour::cpu {
namespace {

/// The derivative of x·σ(factor·x).
template <int W>
TWOFOUR_INLINE Floats<W> sigmoid_product_slope(Floats<W> x, float factor) {
  const Floats<W> s = sigmoid<W>(x * factor);
  return s + x * factor * s * (1.0f - s);
}

/// The derivative of `activated`.
template <int W>
TWOFOUR_INLINE Floats<W> activation_slope(Activation activation, Floats<W> x) {
  switch (activation) {
    case Activation::none:
      return all<W>(1.0f);
    case Activation::gelu: {
      const Floats<W> tail =
          0.5f * complementary_erf<W>(magnitude<W>(x) * (std::numbers::sqrt2_v<float> / 2));
      const Floats<W> below = x < 0.0f ? tail : 1.0f - tail;
      return below + x * 0.3989422804f * exponential<W>(x * x * -0.5f);
    }
    case Activation::gelu_tanh: {
      const Floats<W> t = hyperbolic_tangent<W>(0.7978845608f * (x + 0.044715f * x * x * x));
      return 0.5f * (1.0f + t) +
             0.5f * x * (1.0f - t * t) * 0.7978845608f * (1.0f + 3.0f * 0.044715f * x * x);
    }
    case Activation::relu:
      return x > 0.0f ? all<W>(1.0f) : Floats<W>{};
    case Activation::silu:
      return sigmoid_product_slope<W>(x, 1.0f);
    case Activation::quick_gelu:
      return sigmoid_product_slope<W>(x, 1.702f);
    case Activation::tanh: {
      const Floats<W> t = hyperbolic_tangent<W>(x);
      return 1.0f - t * t;
    }
  }
  return all<W>(1.0f);
}

template <int W>
void activate_backward_body(Activation activation, const float* in, const float* gradient, size_t count,
                            float* out) {
  const size_t whole = count / W * W;
  for (size_t i = 0; i < whole; i += W)
    store<W>(out + i, load<W>(gradient + i) * activation_slope<W>(activation, load<W>(in + i)));
  if (whole == count) return;
  float rest[W] = {};
  std::memcpy(rest, in + whole, (count - whole) * sizeof(float));
  const Floats<W> slopes = activation_slope<W>(activation, load<W>(rest));
  for (size_t i = whole; i < count; ++i) out[i] = gradient[i] * slopes[i - whole];
}

template <int W>
TWOFOUR_INLINE float dot(const float* a, const float* b, size_t count) {
  const size_t whole = count / W * W;
  Floats<W> sums{};
  for (size_t i = 0; i < whole; i += W) sums += load<W>(a + i) * load<W>(b + i);
  float total = sum<W>(sums);
  for (size_t i = whole; i < count; ++i) total += a[i] * b[i];
  return total;
}

template <int W>
void dot_groups_body(const float* a, const float* b, size_t group, size_t groups, float* out) {
  if (group == 1) {
    for (size_t i = 0; i < groups; ++i) out[i] = a[i] * b[i];
    return;
  }
  for (size_t g = 0; g < groups; ++g) out[g] = dot<W>(a + g * group, b + g * group, group);
}

template <int W>
void layer_norm_backward_body(const float* in, const float* gain, float epsilon, const float* gradient,
                              size_t width, float* out) {
  const size_t whole = width / W * W;
  const float count = static_cast<float>(width);
  Floats<W> total{};
  for (size_t i = 0; i < whole; i += W) total += load<W>(in + i);
  float mean = sum<W>(total);
  for (size_t i = whole; i < width; ++i) mean += in[i];
  mean /= count;

  Floats<W> squares{}, slopes{}, alongs{};
  for (size_t i = 0; i < whole; i += W) {
    const Floats<W> difference = load<W>(in + i) - mean, slope = load<W>(gradient + i) * load<W>(gain + i);
    squares += difference * difference;
    slopes += slope;
    alongs += slope * difference;
  }
  float variance = sum<W>(squares), level = sum<W>(slopes), along = sum<W>(alongs);
  for (size_t i = whole; i < width; ++i) {
    const float difference = in[i] - mean, slope = gradient[i] * gain[i];
    variance += difference * difference;
    level += slope;
    along += slope * difference;
  }
  const float scale = 1.0f / std::sqrt(variance / count + epsilon);
  level /= count;
  along *= scale * scale / count;
  for (size_t i = 0; i < whole; i += W) {
    const Floats<W> slope = load<W>(gradient + i) * load<W>(gain + i);
    store<W>(out + i, (slope - level - (load<W>(in + i) - mean) * along) * scale);
  }
  for (size_t i = whole; i < width; ++i)
    out[i] = (gradient[i] * gain[i] - level - (in[i] - mean) * along) * scale;
}

/// A matrix [rows, depth] whose element (i, k) is data[i · row + k · step].
struct Strided {
  const float* data;
  size_t row, step;
};

/// Columns [0, V·W) of factor · a · panel for R rows; the panel's rows of `width` columns are `step` apart.
template <int W, int V, int R>
TWOFOUR_INLINE void product_tile(const Strided& a, size_t depth, const float* panel, size_t step,
                                 float factor, float* out, size_t out_stride) {
  Floats<W> sums[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sums[r][v] = Floats<W>{};
  }
  for (size_t k = 0; k < depth; ++k, panel += step) {
    Floats<W> b[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) b[v] = load<W>(panel + v * W);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Floats<W> x = all<W>(a.data[r * a.row + k * a.step]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[r][v] += x * b[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store<W>(out + r * out_stride + v * W, sums[r][v] * factor);
  }
}

/// out [rows, width] = factor · a · columns, where `columns` [depth, width] lies in panels of W·V columns,
/// those beyond the width anything.
template <int W, int V, int R>
void product_body(const Strided& a, size_t rows, size_t depth, const float* panels, size_t width,
                  float factor, float* out, size_t out_stride) {
  constexpr size_t kPanel = W * V;
  for (size_t column = 0; column < width; column += kPanel) {
    const size_t some = std::min(kPanel, width - column);
    const float* panel = panels + column * depth;
    for (size_t row = 0; row < rows; row += R) {
      const Strided from{a.data + row * a.row, a.row, a.step};
      float* to = out + row * out_stride + column;
      with_rows<R>(std::min<size_t>(R, rows - row), [&]<int Rows>() __attribute__((always_inline)) {
        if (some == kPanel)
          return product_tile<W, V, Rows>(from, depth, panel, kPanel, factor, to, out_stride);
        float part[Rows * kPanel];
        product_tile<W, V, Rows>(from, depth, panel, kPanel, factor, part, kPanel);
        for (int r = 0; r < Rows; ++r)
          std::memcpy(to + r * out_stride, part + r * kPanel, some * sizeof(float));
      });
    }
  }
}

/// Rows [tokens, size] as panels over their columns, as `product_body` reads them.
template <size_t Panel>
void pack_columns(const float* from, size_t stride, size_t tokens, size_t size, float* to) {
  for (size_t column = 0; column < size; column += Panel) {
    const size_t width = std::min(Panel, size - column);
    for (size_t token = 0; token < tokens; ++token, to += Panel) {
      std::memcpy(to, from + token * stride + column, width * sizeof(float));
      std::fill(to + width, to + Panel, 0.0f);
    }
  }
}

/// Rows [tokens, size], transposed, as panels over their tokens.
template <int W, size_t Panel>
void pack_rows(const float* from, size_t stride, size_t tokens, size_t size, float* to) {
  for (size_t token = 0; token < padded<Panel>(tokens); token += W) {
    const size_t count = token < tokens ? std::min<size_t>(W, tokens - token) : 0;
    pack_keys<W, Panel>(from + token * stride, stride, count, size,
                        to + token / Panel * size * Panel + token % Panel);
  }
}

/// Panels of one operand, then the weights and the gradients by scores of all pairs.
template <int W, int V>
size_t attention_backward_scratch_body(size_t tokens, size_t head_size) {
  constexpr size_t kPanel = W * V;
  return std::max(padded<kPanel>(tokens) * head_size, padded<kPanel>(head_size) * tokens) +
         2 * padded<kPanel>(tokens) * tokens;
}

/// A row of scores becomes weights that sum to 1.
template <int W>
TWOFOUR_INLINE void weigh_row(const float* bias, size_t tokens, size_t stride, float* row) {
  if (bias != nullptr) {
    for (size_t i = 0; i < tokens; ++i) row[i] += bias[i];
  }
  for (size_t i = tokens; i < stride; ++i) row[i] = -1e30f;
  const float inverse = 1.0f / softmax_row<W>(row, stride);
  for (size_t i = 0; i < stride; i += W) store<W>(row + i, load<W>(row + i) * inverse);
  // Not what the exponential left, whose products are too small to be fast.
  std::fill(row + tokens, row + stride, 0.0f);
}

/// With weights P and dP the gradient by them: slopes = P · (dP − Σ P · dP), by rows.
template <int W>
TWOFOUR_INLINE void slope_row(const float* weights, size_t stride, float* slopes) {
  const float mean = dot<W>(weights, slopes, stride);
  for (size_t i = 0; i < stride; i += W)
    store<W>(slopes + i, load<W>(weights + i) * (load<W>(slopes + i) - mean));
}

template <int W, int V, int R>
void attention_backward_body(const AttentionBackwardBlock& block) {
  constexpr size_t kPanel = W * V;
  const size_t tokens = block.tokens, size = block.head_size, stride = padded<kPanel>(tokens);
  const size_t in = block.stride, upper = block.gradient_stride;
  float* weights = block.scratch;
  float* slopes = weights + tokens * stride;
  float* panels = slopes + tokens * stride;
  const auto product = product_body<W, V, R>;

  pack_rows<W, kPanel>(block.key, in, tokens, size, panels);
  product({block.query, in, 1}, tokens, size, panels, stride, block.scale, weights, stride);
  for (size_t query = 0; query < tokens; ++query)
    weigh_row<W>(block.bias == nullptr ? nullptr : block.bias - query, tokens, stride,
                 weights + query * stride);
  pack_rows<W, kPanel>(block.value, in, tokens, size, panels);
  product({block.gradient, upper, 1}, tokens, size, panels, stride, 1, slopes, stride);
  for (size_t query = 0; query < tokens; ++query)
    slope_row<W>(weights + query * stride, stride, slopes + query * stride);

  pack_columns<kPanel>(block.key, in, tokens, size, panels);
  product({slopes, stride, 1}, tokens, tokens, panels, size, block.scale, block.query_out, in);
  pack_columns<kPanel>(block.query, in, tokens, size, panels);
  product({slopes, 1, stride}, tokens, tokens, panels, size, block.scale, block.key_out, in);
  pack_columns<kPanel>(block.gradient, upper, tokens, size, panels);
  product({weights, 1, stride}, tokens, tokens, panels, size, 1, block.value_out, in);
}

/// Adds what this file has to the functions of one instruction set.
template <int W, int V, int R>
Kernels with_gradients(Kernels kernels) {
  kernels.activate_backward = activate_backward_body<W>;
  kernels.dot_groups = dot_groups_body<W>;
  kernels.layer_norm_backward = layer_norm_backward_body<W>;
  kernels.attention_backward_scratch = attention_backward_scratch_body<W, V>;
  kernels.attention_backward = attention_backward_body<W, V, R>;
  return kernels;
}

}  // namespace
}  // namespace twofour::cpu

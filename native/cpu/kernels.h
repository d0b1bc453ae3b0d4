#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "backend/activation.h"

namespace twofour::cpu {

/// Part of y = activation(x Wᵀ + b) + r: rows [0, tokens) of x against panels [first, last) of W.
struct LinearBlock {
  size_t tokens, columns;  ///< columns of W: the depth of the sums
  size_t rows;             ///< rows of W: the width of y
  const float* input;      ///< [tokens, columns]
  const float* panels;     ///< packed W, see `Kernels::panel`
  const float* bias;       ///< [rows, rounded up to whole panels]
  const float* residual;   ///< [tokens, rows] or null
  float* output;           ///< [tokens, rows]
  size_t first_panel, last_panel;
  Activation activation;
};

/// One head of one sequence.
struct AttentionBlock {
  size_t tokens, head_size;
  size_t stride;  ///< between tokens of `qkv`: 3 · heads · head_size
  const float *query, *key, *value;
  float* output;  ///< first of the head's columns
  size_t output_stride;
  float scale;
  const float* bias;  ///< of this head: entry key − query, centred; or null
  float* scratch;     ///< Kernels::attention_scratch(tokens, head_size) floats
};

/// The inner loops of one instruction set. The same sources give each of them (kernel_bodies.h).
struct Kernels {
  std::string_view isa;
  bool supported;  ///< By this processor.
  /// Rows of W per panel. A panel is [columns][panel] floats, so that one step of the sum is one short run.
  size_t panel;
  void (*linear)(const LinearBlock& block);
  size_t (*attention_scratch)(size_t tokens, size_t head_size);
  void (*attention)(const AttentionBlock& block);
  /// out = (in − mean) / √(variance + ε) · gain + bias over `width` numbers; may be in place.
  void (*layer_norm)(const float* in, const float* gain, const float* bias, float epsilon, size_t width,
                     float* out);
};

// One file each.
Kernels portable_kernels();
Kernels avx2_kernels();
Kernels avx512_kernels();

/// Every instruction set this binary has, best first; the last runs anywhere.
std::span<const Kernels> all_kernels();

/// The best that the machine supports, or the one that TWOFOUR_ISA names.
/// Throws Error DEVICE_UNAVAILABLE when that one is unknown or not supported, naming those that are.
const Kernels& choose_kernels();

}  // namespace twofour::cpu

#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "backend/activation.h"

namespace twofour::cpu {

/// Part of y = activation(x Wᵀ + b) + r: rows [0, tokens) of x against panels [first, last) of W. Numbers of
/// x and W stand in 32-bit words, as many to a word as fit: one float, two bfloat16, four 8-bit levels.
struct LinearBlock {
  size_t tokens, depth;   ///< depth: words of a row, which is what the sums run over
  size_t rows;            ///< rows of W: the width of y
  const void* input;      ///< [tokens, depth] words
  const void* panels;     ///< packed W, see `Kernels::panel`
  const float* bias;      ///< [rows, rounded up to whole panels]
  const float* residual;  ///< [tokens, rows] or null
  float* output;          ///< [tokens, rows]
  size_t first_panel, last_panel;
  Activation activation;
  /// Of 8-bit levels only: x = (level − zero) · scale by token, w = level · scale by row (like `bias`), and
  /// the sum of each row's levels, which the zero points are multiplied with.
  const float* token_scales;
  const int32_t* token_zeros;
  const float* row_scales;
  const int32_t* row_sums;
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

/// One head of one sequence, backwards. What is not said is as in AttentionBlock.
struct AttentionBackwardBlock {
  size_t tokens, head_size;
  size_t stride;  ///< between tokens of qkv and of its gradient
  const float *query, *key, *value;
  const float* gradient;  ///< by the output: first of the head's columns
  size_t gradient_stride;
  float *query_out, *key_out, *value_out;
  float scale;
  const float* bias;
  float* scratch;  ///< Kernels::attention_backward_scratch(tokens, head_size) floats
};

/// Rows of a sparse W that are summed side by side: a multiple of every kernel's lanes.
constexpr size_t kSparseRows = 64;
/// Columns of a depth block: its part of a tile of 64 tokens is as large as the first cache of most
/// processors, and a column's place in it fits 8 bits.
constexpr size_t kSparseDepth = 128;

/// The nonzeros of W by group of kSparseRows rows, in it by depth block of kSparseDepth columns, in it by
/// row. The last group's missing rows count as empty.
struct SparseLists {
  size_t blocks;         ///< Depth blocks.
  const size_t* starts;  ///< [groups + 1]: a group's first nonzero
  const uint16_t*
      counts;  ///< [groups, blocks, kSparseRows]: nonzeros of a row; never more than of the one before
  const uint8_t* order;    ///< [groups, blocks, kSparseRows]: which row of the group that is
  const float* values;     ///< [nonzeros]
  const uint8_t* columns;  ///< [nonzeros]: ascending within a row, counted from the block's first
};

/// Part of y = activation(x Wᵀ + b) + r: up to `Kernels::sparse_tile` tokens against groups [first, last) of
/// W. A token's result depends neither on the other tokens nor on how many they are.
struct SparseBlock {
  size_t tokens;
  size_t rows;            ///< rows of W: the width of y
  SparseLists lists;      ///< of W
  const float* tile;      ///< x, as `Kernels::to_columns` left it
  const float* bias;      ///< [rows]
  const float* residual;  ///< [tokens, rows] or null
  float* output;          ///< [tokens, rows]
  size_t first_group, last_group;
  Activation activation;
};

/// The inner loops of one instruction set. The same sources give each of them (kernel_bodies.h).
struct Kernels {
  std::string_view isa;
  /// Rows of W per panel. A panel is [depth][panel] words, so that one step of the sum is one short run.
  size_t panel;
  using Linear = void (*)(const LinearBlock& block);
  Linear linear;
  Linear linear_bfloat16;  ///< Null where the processor has no such instruction.
  Linear linear_int8;
  /// Levels of one row as backend/formats.h says; `out` has room for whole words, filled up with zero points.
  void (*to_levels)(const float* row, size_t width, uint8_t* out, float* scale, int32_t* zero);
  void (*to_bfloat16)(const float* row, size_t width, uint16_t* out);
  /// The most tokens of a SparseBlock.
  size_t sparse_tile;
  /// Transposes rows [tokens, width], 1 ≤ tokens ≤ sparse_tile, for `sparse`: tile is [width][tokens rounded
  /// up to whole vectors], never more than width · sparse_tile floats; what is no token is zero.
  void (*to_columns)(const float* rows, size_t tokens, size_t width, float* tile);
  void (*sparse)(const SparseBlock& block);
  size_t (*attention_scratch)(size_t tokens, size_t head_size);
  void (*attention)(const AttentionBlock& block);
  /// What each of the head's queries gives each key, [tokens, tokens] in `output`; reads no values.
  void (*probabilities)(const AttentionBlock& block);
  /// out = (in − mean) / √(variance + ε) · gain + bias over `width` numbers; may be in place.
  void (*layer_norm)(const float* in, const float* gain, const float* bias, float epsilon, size_t width,
                     float* out);
  /// out = activation(in) over `count` numbers; may be in place.
  void (*activate)(Activation activation, const float* in, size_t count, float* out);

  // Of gradient_bodies.h, which adds them.
  /// out = gradient · activation'(in) over `count` numbers; may be in place of the gradient.
  void (*activate_backward)(Activation activation, const float* in, const float* gradient, size_t count,
                            float* out) = nullptr;
  /// out[g] = Σ a · b over the numbers of group g.
  void (*dot_groups)(const float* a, const float* b, size_t group, size_t groups, float* out) = nullptr;
  /// The gradient by `in` of layer_norm; out is neither `in` nor the gradient.
  void (*layer_norm_backward)(const float* in, const float* gain, float epsilon, const float* gradient,
                              size_t width, float* out) = nullptr;
  size_t (*attention_backward_scratch)(size_t tokens, size_t head_size) = nullptr;
  void (*attention_backward)(const AttentionBackwardBlock& block) = nullptr;
};

// One file each.
Kernels portable_kernels();
Kernels avx2_kernels();
Kernels avx2vnni_kernels();
Kernels avx512_kernels();
Kernels avx512vnni_kernels();
Kernels avx512bf16_kernels();

/// Those of `choose_isa`, whose errors it throws.
const Kernels& choose_kernels();

}  // namespace twofour::cpu

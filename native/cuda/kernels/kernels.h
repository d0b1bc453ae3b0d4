#pragma once
#include <cstddef>
#include <cstdint>

#include "backend/activation.h"
#include "backend/backend.h"

struct CUstream_st;

/// The backend's verbs on the device, one launch function each. Plain C++: what calls them sees no CUDA.
///
/// Every function queues its work on the stream and returns. Pointers are device memory, borrowed until the
/// work is done, at least 16-byte aligned. Outputs overlap no input but where it says so. Throws Error:
/// DEVICE_FAILED where the launch was refused, INTERNAL where an argument has a form that no kernel takes.
/// A row's result depends on that row (or sequence) alone, bit for bit, wherever it lies in the batch.
namespace twofour::cuda {

using Stream = CUstream_st*;

/// Storage of activations.
enum class Word : uint8_t { float32, float16, bfloat16 };
/// Storage of a linear's 8-bit inputs.
enum class QuantisedWord : uint8_t { int8, e4m3 };
/// What a library's product of 8-bit numbers comes in.
enum class SumWord : uint8_t { int32, float32, bfloat16 };

constexpr size_t bytes_of(Word word) { return word == Word::float32 ? 4 : 2; }
constexpr size_t bytes_of(SumWord word) { return word == SumWord::bfloat16 ? 2 : 4; }
/// Of rows with `width` columns: the libraries' and kernels' multiples. Never 0, which no library multiplies:
/// what pruning removed to the last is a block of padding.
constexpr size_t stride_of(size_t width) { return width == 0 ? 32 : (width + 31) / 32 * 32; }
/// Queries of one tile of attention: see DeviceBatch::tiles.
constexpr size_t kQueriesPerTile = 64;

/// How many rows there are, which only the device knows, because a CUDA graph replays with other batches:
/// the grid is sized for `capacity`, and rows from *count on are neither read nor written.
struct Extent {
  const int32_t* count;
  size_t capacity;
};

/// [rows, stride] row-major. stride = stride_of(width); kernels write zeros to columns from width on.
struct Rows {
  void* data = nullptr;
  Word word = Word::float32;
  size_t width = 0, stride = 0;
};

/// [rows, stride] numbers of 8 bits, x ≈ (q − zero) · scale with a scale and a zero per row.
/// int8: level and zero of backend/formats.h, both less 128. e4m3: scale = largest / 448 (1 for zeros),
/// `zeros` not used. Columns from width on are zero bytes. `scale` is NaN where a value of the row is not
/// finite. As an output: made from the fp32 values in registers, before they are rounded to a Rows' word, as
/// the CPU does; with data = nullptr it isn't wanted. Word, width and stride of Rows beside it must be set
/// anyhow.
///
/// With a step above 0 that is the scale of every row: x ≈ q · step, int8 in −127…127 without a zero, and
/// neither scales nor zeros are written. Beyond what the levels reach they stay at their largest; NaN stays
/// NaN in e4m3 alone.
struct Quantised {
  void* data = nullptr;
  QuantisedWord word = QuantisedWord::int8;
  float* scales = nullptr;   ///< [rows]
  int32_t* zeros = nullptr;  ///< [rows], of int8 only
  size_t width = 0, stride = 0;
  float step = 0;
};

/// One batch. Sequences lie one after another.
struct DeviceBatch {
  const int32_t *ids, *types, *positions;  ///< [tokens] each; types may be null
  const int32_t* offsets;                  ///< [sequences + 1]
  const int32_t* sequence_of;              ///< [tokens]
  const int32_t* tiles;                    ///< [tiles] pairs of a sequence and its tile's first query in it,
                                           ///< a multiple of kQueriesPerTile. Empty sequences have none.
  const int32_t* counts;                   ///< {tokens, sequences, tiles}
  size_t token_capacity, sequence_capacity, tile_capacity;

  Extent tokens() const { return {counts, token_capacity}; }
  Extent sequences() const { return {counts + 1, sequence_capacity}; }
  Extent tile_extent() const { return {counts + 2, tile_capacity}; }
};

/// LayerNorm's, [stride] each, anything finite from width on.
struct NormWeights {
  const float *gain, *bias;
  float epsilon;
};

/// Tables of fp32 rows [n, stride]; type may be null.
struct EmbeddingTables {
  const float *word, *position, *type;
};

/// out = norm(word[id] + position[position] + type[type]).
void embed_norm(const DeviceBatch& batch, const EmbeddingTables& tables, const NormWeights& norm,
                const Rows& out, const Quantised& quantised, Stream stream);

/// out = (in − mean) / √(variance + ε) · gain + bias by rows. Words of in and out are equal; out may be in.
void layer_norm(const Rows& in, const NormWeights& norm, Extent rows, const Rows& out,
                const Quantised& quantised, Stream stream);

/// out = activation(in) + residual. Words are equal; out may be either. residual.data = nullptr: none.
void activate(const Rows& in, Activation activation, const Rows& residual, Extent rows, const Rows& out,
              const Quantised& quantised, Stream stream);

/// What a library's product of 8-bit weights and inputs still needs. [stride] arrays are of the output's
/// stride, anything finite from width on.
struct Dequantisation {
  const void* sums;  ///< [tokens, stride]
  SumWord word;
  const float* token_scales;   ///< [tokens] of the inputs' Quantised
  const int32_t* token_zeros;  ///< [tokens] of the inputs' Quantised; null: none
  const float* row_scales;     ///< [stride] of the weights
  const int32_t* row_sums;     ///< [stride] sums of each row's int8 weights; needed with token_zeros
  const float* bias;           ///< [stride], or null
  Activation activation = Activation::none;
  Rows residual = {};  ///< Like out, which it may be; data = nullptr: none
};

/// out = activation((sum − token_zero · row_sum) · token_scale · row_scale + bias) + residual. Sums of every
/// word come out as bfloat16, the word beside 8-bit numbers; those of float32 also as float16.
void dequantise(const Dequantisation& from, Extent rows, const Rows& out, const Quantised& quantised,
                Stream stream);

struct AttentionShape {
  size_t heads, head_size;      ///< head_size in 1…128
  float scale;                  ///< Above 0.
  const float* bias = nullptr;  ///< [heads, bias_stride], column span − 1 + (key − query). Null: none.
  size_t bias_stride = 0, span = 0;
};

/// qkv: [tokens, 3 · heads · head_size], queries, keys, values side by side. out: [tokens, heads ·
/// head_size], not null; words are equal. 16-bit words: tensor cores, whose probabilities are rounded to that
/// word; float32: plain products, for verification. `quantised` is made by a second kernel from out's values
/// as they are stored, because a row's heads are computed by different blocks.
void attention(const Rows& qkv, const AttentionShape& shape, const DeviceBatch& batch, const Rows& out,
               const Quantised& quantised, Stream stream);

/// One row per sequence; an empty one gives zeros. With `normalize` divided by its Euclidean length (a zero
/// row stays zero). Words of in and out are equal.
void pool(const Rows& in, const PoolRule& rule, const DeviceBatch& batch, const Rows& out,
          const Quantised& quantised, Stream stream);

/// out[i] = in[rows[i]]. Words are equal.
void gather(const Rows& in, const int32_t* rows, Extent extent, const Rows& out, const Quantised& quantised,
            Stream stream);

/// out [rows, width], without padding columns.
void to_float(const Rows& in, Extent rows, float* out, Stream stream);

/// in: [rows, width], without padding columns.
void from_float(const float* in, Extent rows, const Rows& out, const Quantised& quantised, Stream stream);

/// Of the values as they are stored in `in`.
void quantise(const Rows& in, Extent rows, const Quantised& out, Stream stream);

/// out[row] = the largest magnitude of a row, NaN where one of its values is not finite.
void largest(const Rows& in, Extent rows, float* out, Stream stream);

}  // namespace twofour::cuda

// out = softmax(scale · Q Kᵀ + bias) V, each head of each sequence by itself; 16-bit words, on tensor cores
//
// qkv [tokens, stride]: queries, keys, values [heads · head_size] side by side; out [tokens, stride]; bias
// [heads, bias_stride] fp32. A block takes 64 queries of one head, and keys and values by tiles through
// shared memory, the next tile on its way while one is computed. Softmax is online (Milakov & Gimelshein
// 2018; Dao et al. 2022), its statistics and all sums fp32; weights are rounded to the word before they
// multiply V. Used once per layer. Moves 8 bytes per element of out, and K and V again, mostly from L2, for
// each further 64 queries of a sequence.
#include "cuda/kernels/attention.h"

#include "cuda/kernels/attention_warp.h"
#include "cuda/kernels/launching.h"

namespace twofour::cuda {
namespace {

/// With heads of up to 64 columns a warp has registers for 32 queries: each matrix load then serves two
/// products.
template <int kHeadSize>
struct Blocking {
  static constexpr int kSize = kHeadSize;
  static constexpr int kTiles = kSize <= 64 ? 2 : 1, kKeys = kSize <= 64 ? 64 : 32;
  static constexpr int kWarpQueries = 16 * kTiles, kThreads = kQueriesPerTile / kWarpQueries * 32;
  static constexpr int kTileElements = kKeys * TileLayout<kSize>::kStride;
};

/// The rows of one sequence's head, from which tiles are loaded.
template <class T>
struct HeadSequence {
  const T* queries;
  size_t stride, model;
  int length, head_size;

  __device__ __forceinline__ HeadRows<T> rows(int matrix, int first, int most) const {
    const int left = length - first;
    return {queries + matrix * model + static_cast<size_t>(first) * stride, stride, left < most ? left : most,
            head_size};
  }
};

template <class T>
__device__ __forceinline__ void store_pair(T* to, bool both, bool aligned, float low, float high) {
  if (both && aligned) {
    store_global_as(to, pack_pair<T>(low, high));
  } else {
    to[0] = from_float<T>(low);
    if (both) to[1] = from_float<T>(high);
  }
}

/// Zeros to the columns beyond the last head.
template <class T>
__device__ __forceinline__ void clear_padding(T* out, const AttentionArguments& from, int rows, int threads) {
  const int padding = static_cast<int>(from.out_stride - from.width());
  for (int i = threadIdx.x; i < rows * padding; i += threads)
    out[static_cast<size_t>(i / padding) * from.out_stride + from.width() + i % padding] = T{0};
}

template <class T, class Shape>
__global__ void __launch_bounds__(Shape::kThreads) attend(AttentionArguments from) {
  if (static_cast<int>(blockIdx.x) >= from.batch.counts[2]) return;
  const int sequence = from.batch.tiles[2 * blockIdx.x], first_query = from.batch.tiles[2 * blockIdx.x + 1];
  const size_t head = blockIdx.y, begin = static_cast<size_t>(from.batch.offsets[sequence]);
  const int head_size = static_cast<int>(from.shape.head_size);
  const HeadSequence<T> all{static_cast<const T*>(from.qkv) + begin * from.stride + head * head_size,
                            from.stride, from.width(),
                            from.batch.offsets[sequence + 1] - static_cast<int>(begin), head_size};
  const int queries = all.rows(0, first_query, kQueriesPerTile).rows;

  // Two stages of keys and values; the queries pass through the second before it is needed.
  SHARED_ARRAY(T, tiles, 4 * Shape::kTileElements);
  constexpr int kStage = 2 * Shape::kTileElements;
  const auto load_stage = [&](int stage, int first_key) {
    for (int matrix = 0; matrix < 2; ++matrix) {
      load_tile<Shape::kKeys, Shape::kSize, Shape::kThreads>(tiles,
                                                             stage * kStage + matrix * Shape::kTileElements,
                                                             all.rows(1 + matrix, first_key, Shape::kKeys));
    }
    copy_async_commit();
  };
  load_tile<kQueriesPerTile, Shape::kSize, Shape::kThreads>(tiles, kStage,
                                                            all.rows(0, first_query, kQueriesPerTile));
  load_stage(0, 0);
  copy_async_wait<0>();
  __syncthreads();
  const int warp_query = static_cast<int>(threadIdx.x) / 32 * Shape::kWarpQueries;
  AttentionWarp<T, Shape::kSize, Shape::kKeys, Shape::kTiles> warp;
  warp.load_queries(tiles, kStage, warp_query);
  __syncthreads();

  const float inverse_scale = 1 / from.shape.scale;
  constexpr float kLog2OfE = 1.4426950408889634f;
  for (int first_key = 0, stage = 0; first_key < all.length; first_key += Shape::kKeys, stage ^= 1) {
    if (first_key > 0) {
      copy_async_wait<0>();
      __syncthreads();
    }
    if (first_key + Shape::kKeys < all.length) load_stage(stage ^ 1, first_key + Shape::kKeys);
    if (warp_query >= queries) continue;
    warp.score(tiles, stage * kStage);
    if (from.shape.bias != nullptr) {
      warp.revise([&](int query, int key, float score) {
        query += first_query + warp_query;
        key += first_key;
        if (query >= all.length || key >= all.length) return score;
        return score + from.bias(head, key - query) * inverse_scale;
      });
    }
    if (first_key + Shape::kKeys > all.length) {
      warp.revise(
          [&](int, int key, float score) { return first_key + key < all.length ? score : -kInfinity; });
    }
    warp.weigh(from.shape.scale * kLog2OfE);
    warp.sum(tiles, stage * kStage + Shape::kTileElements);
  }

  T* out = static_cast<T*>(from.out) + (begin + first_query) * from.out_stride;
  if (head + 1 == from.shape.heads) clear_padding(out, from, queries, Shape::kThreads);
  if (warp_query >= queries) return;
  warp.each_result([&](int query, int column, float low, float high) {
    query += warp_query;
    if (query >= queries || column >= head_size) return;
    T* to = out + static_cast<size_t>(query) * from.out_stride + head * head_size + column;
    store_pair(to, column + 1 < head_size, head_size % 2 == 0, low, high);
  });
}

template <class T, int kSize>
void launch_attend(const AttentionArguments& arguments, Stream stream) {
  if constexpr (kSize <= 128) {
    if (arguments.shape.head_size > kSize) return launch_attend<T, kSize + 16>(arguments, stream);
    using Shape = Blocking<kSize>;
    const Grid grid{static_cast<unsigned>(arguments.batch.tile_capacity),
                    static_cast<unsigned>(arguments.shape.heads)};
    if (grid.x == 0 || grid.y == 0) return;
    check_launch("attention", launch(attend<T, Shape>, grid, Grid{Shape::kThreads}, 0, stream, arguments));
  }
}

}  // namespace

void attention(const Rows& qkv, const AttentionShape& shape, const DeviceBatch& batch, const Rows& out,
               const Quantised& quantised, Stream stream) {
  require(qkv.word == out.word, "attention between two words");
  require(shape.head_size >= 1 && shape.head_size <= 128, "heads of more than 128 columns");
  // Of no heads only padding is left, which is written as everywhere.
  if (shape.heads == 0) return from_float(nullptr, batch.tokens(), out, quantised, stream);
  const AttentionArguments arguments{qkv.data, qkv.stride, out.data, out.stride, shape, batch};
  switch (out.word) {
    case Word::float32:
      attention_plain(arguments, stream);
      break;
    case Word::float16:
      launch_attend<Half, 16>(arguments, stream);
      break;
    case Word::bfloat16:
      launch_attend<Bfloat16, 16>(arguments, stream);
      break;
  }
  if (quantised.data != nullptr) quantise(out, batch.tokens(), quantised, stream);
}

}  // namespace twofour::cuda

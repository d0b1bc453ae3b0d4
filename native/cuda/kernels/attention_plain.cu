// out = softmax(scale · Q Kᵀ + bias) V, each head of each sequence by itself; fp32, by plain products
//
// Layouts as in attention.cu. A warp takes one query of one head: for the scores a lane has a key, for the
// sums it has columns. Used once per layer of float32 models, which exist for verification. Moves all of a
// head's keys and values per query, mostly from L1 and L2.
#include "cuda/kernels/attention.h"
#include "cuda/kernels/attention_warp.h"
#include "cuda/kernels/launching.h"

namespace twofour::cuda {
namespace {

constexpr int kWarps = 4, kMostColumns = 128, kLanes = 32, kThreads = kWarps * kLanes;

template <class Join>
__device__ __forceinline__ float join_warp(float value, const Join& join) {
  for (int distance = 16; distance > 0; distance /= 2)
    value = join(value, __shfl_xor_sync(0xffffffffu, value, distance));
  return value;
}

__global__ void __launch_bounds__(kThreads) attend_plainly(AttentionArguments from) {
  const int warp = static_cast<int>(threadIdx.x) / kLanes, lane = static_cast<int>(threadIdx.x) % kLanes;
  const int token = static_cast<int>(blockIdx.x) * kWarps + warp,
            head_size = static_cast<int>(from.shape.head_size);
  if (token >= from.batch.counts[0]) return;
  const int sequence = from.batch.sequence_of[token];
  const int begin = from.batch.offsets[sequence], end = from.batch.offsets[sequence + 1];
  const size_t head = blockIdx.y, model = from.width();
  const float* qkv = static_cast<const float*>(from.qkv) + head * head_size;

  SHARED_ARRAY(float, queries, kWarps* kMostColumns);
  SHARED_ARRAY(float, weights, kWarps* kLanes);
  for (int i = lane; i < kMostColumns; i += kLanes)
    queries.store(warp * kMostColumns + i,
                  i < head_size ? qkv[static_cast<size_t>(token) * from.stride + i] : 0);
  __syncwarp();

  float highest = -kInfinity, total = 0, sums[kMostColumns / kLanes] = {};
  for (int first = begin; first < end; first += kLanes) {
    const int key = first + lane, keys = end - first < kLanes ? end - first : kLanes;
    float score = -kInfinity;
    if (key < end) {
      const float* row = qkv + model + static_cast<size_t>(key) * from.stride;
      score = 0;
      for (int i = 0; i < head_size; i += 4) {
        const auto four = queries.load_as<Vector<float, 4>>(warp * kMostColumns + i);
        for (int k = 0; k < 4 && i + k < head_size; ++k) score += four[k] * row[i + k];
      }
      score *= from.shape.scale;
      if (from.shape.bias != nullptr) score += from.bias(head, key - token);
    }
    const float before = highest;
    highest = fmaxf(before, join_warp(score, [](float a, float b) { return fmaxf(a, b); }));
    const float weight = expf(score - highest), rescale = expf(before - highest);
    total = total * rescale + weight;
    weights.store(warp * kLanes + lane, weight);
    __syncwarp();
    const float* values = qkv + 2 * model + static_cast<size_t>(first) * from.stride;
    for (int i = 0; i < kMostColumns / kLanes; ++i) {
      const int column = i * kLanes + lane;
      if (column >= head_size) break;
      sums[i] *= rescale;
      for (int j = 0; j < keys; j += 4) {
        const auto four = weights.load_as<Vector<float, 4>>(warp * kLanes + j);
        for (int k = 0; k < 4 && j + k < keys; ++k)
          sums[i] += four[k] * values[static_cast<size_t>(j + k) * from.stride + column];
      }
    }
    __syncwarp();
  }

  total = join_warp(total, [](float a, float b) { return a + b; });
  float* out = static_cast<float*>(from.out) + static_cast<size_t>(token) * from.out_stride;
  for (int i = 0; i < kMostColumns / kLanes; ++i) {
    if (i * kLanes + lane < head_size) out[head * head_size + i * kLanes + lane] = sums[i] / total;
  }
  if (head + 1 == from.shape.heads) {
    for (size_t column = model + lane; column < from.out_stride; column += kLanes) out[column] = 0;
  }
}

}  // namespace

void attention_plain(const AttentionArguments& arguments, Stream stream) {
  const Grid grid{blocks_for(arguments.batch.token_capacity, kWarps),
                  static_cast<unsigned>(arguments.shape.heads)};
  if (grid.x == 0 || grid.y == 0) return;
  check_launch("attention_plain", launch(attend_plainly, grid, Grid{kThreads}, 0, stream, arguments));
}

}  // namespace twofour::cuda

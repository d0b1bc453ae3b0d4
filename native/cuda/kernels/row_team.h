#pragma once
#include "device.h"

namespace twofour::cuda {

/// The threads that share one row: a warp (four rows to a block) or a whole block. All sums run in one order,
/// whatever else the block and the grid do.
class RowTeam {
 public:
  static constexpr unsigned kBlock = 128, kWarp = 32, kWarps = kBlock / kWarp;

  __device__ __forceinline__ explicit RowTeam(bool whole_block) : whole_block_(whole_block) {}

  __device__ __forceinline__ size_t row() const {
    return whole_block_ ? blockIdx.x : static_cast<size_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  }
  __device__ __forceinline__ unsigned threads() const { return whole_block_ ? kBlock : kWarp; }
  __device__ __forceinline__ unsigned lane() const { return threadIdx.x & (threads() - 1); }

  /// Each values[i] becomes join() of all threads' values[i]. All threads of the team call it.
  template <int kCount, class Join>
  __device__ __forceinline__ void reduce(float (&values)[kCount], const Join& join) const {
    for (int distance = 16; distance > 0; distance /= 2) {
      for (int i = 0; i < kCount; ++i)
        values[i] = join(values[i], __shfl_xor_sync(0xffffffffu, values[i], distance));
    }
    if (whole_block_) {
      SHARED_ARRAY(float, partial, kWarps* kCount);
      if (threadIdx.x % kWarp == 0) {
        for (int i = 0; i < kCount; ++i) partial.store(threadIdx.x / kWarp * kCount + i, values[i]);
      }
      __syncthreads();
      for (int i = 0; i < kCount; ++i) values[i] = partial.load(i);
      for (unsigned warp = 1; warp < kWarps; ++warp) {
        for (int i = 0; i < kCount; ++i) values[i] = join(values[i], partial.load(warp * kCount + i));
      }
      // The next reduction writes where slower threads still read.
      __syncthreads();
    }
  }

  __device__ __forceinline__ float sum(float value) const {
    float values[1] = {value};
    reduce(values, [](float a, float b) { return a + b; });
    return values[0];
  }

 private:
  bool whole_block_;
};

}  // namespace twofour::cuda

#pragma once
#include "cuda/kernels/kernels.h"
#include "device.h"

/// The two kernels of attention, on the arguments of `attention` in kernels.h.
namespace twofour::cuda {

/// What both need, by value. heads · head_size is the width of out.
struct AttentionArguments {
  const void* qkv;
  size_t stride;
  void* out;
  size_t out_stride;
  AttentionShape shape;
  DeviceBatch batch;

  __device__ __forceinline__ size_t width() const { return shape.heads * shape.head_size; }
  /// Bias of the head for a distance of key − query. Only where there is a bias.
  __device__ __forceinline__ float bias(size_t head, int distance) const {
    return shape.bias[head * shape.bias_stride + shape.span - 1 + static_cast<size_t>(distance)];
  }
};

void attention_plain(const AttentionArguments& arguments, Stream stream);

}  // namespace twofour::cuda

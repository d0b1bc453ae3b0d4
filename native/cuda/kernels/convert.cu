// to_float: out = in, Rows → fp32 without padding columns. from_float: the other way, and quantised.
//
// Rows [rows, stride]; fp32 [rows, width]. Used by download and upload. Move one word and 4 bytes per
// element.
#include "cuda/kernels/row_kernel.h"

namespace twofour::cuda {
namespace {

constexpr unsigned kRowsPerBlock = 4;

/// A warp per row. Without padding rows of any alignment come out, so elements one by one.
template <class T>
__global__ void __launch_bounds__(32 * kRowsPerBlock)
    widen(const void* in, size_t stride, size_t width, const int32_t* count, float* out) {
  const size_t row = static_cast<size_t>(blockIdx.x) * kRowsPerBlock + threadIdx.x / 32;
  if (row >= static_cast<size_t>(*count)) return;
  const T* from = static_cast<const T*>(in) + row * stride;
  for (size_t column = threadIdx.x % 32; column < width; column += 32)
    out[row * width + column] = to_float(from[column]);
}

struct FloatSource {
  const float* data;
  size_t width;

  __device__ __forceinline__ void load(size_t row, size_t column, float (&x)[kColumns]) const {
    for (int i = 0; i < kColumns; ++i) x[i] = column + i < width ? data[row * width + column + i] : 0;
  }
};

}  // namespace

void to_float(const Rows& in, Extent rows, float* out, Stream stream) {
  const Grid grid{blocks_for(rows.capacity, kRowsPerBlock)};
  if (grid.x == 0) return;
  with_word(in.word, [&]<class T>(std::type_identity<T>) {
    check_launch("to_float", launch(widen<T>, grid, Grid{32 * kRowsPerBlock}, 0, stream, in.data, in.stride,
                                    in.width, rows.count, out));
  });
}

void from_float(const float* in, Extent rows, const Rows& out, const Quantised& quantised, Stream stream) {
  with_word(out.word, [&]<class T>(std::type_identity<T>) {
    launch_rows<T>("from_float", FloatSource{in, out.width}, AsLoaded{}, rows, out, quantised, stream);
  });
}

}  // namespace twofour::cuda

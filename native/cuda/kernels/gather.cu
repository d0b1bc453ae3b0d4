// out[i] = in[rows[i]]
//
// rows [count]; in [tokens, stride]; out [count, stride]. Used for the first tokens that a head reads. Moves
// one read and one written word per element, and the byte of a Quantised.
#include "cuda/kernels/row_kernel.h"

namespace twofour::cuda {
namespace {

template <class T>
struct GatheredSource {
  const void* data;
  size_t stride;
  const int32_t* rows;

  __device__ __forceinline__ void load(size_t row, size_t column, float (&x)[kColumns]) const {
    load_columns(static_cast<const T*>(data) + static_cast<size_t>(rows[row]) * stride + column, x);
  }
};

}  // namespace

void gather(const Rows& in, const int32_t* rows, Extent extent, const Rows& out, const Quantised& quantised,
            Stream stream) {
  require(in.word == out.word, "a gathering between two words");
  with_word(out.word, [&]<class T>(std::type_identity<T>) {
    launch_rows<T>("gather", GatheredSource<T>{in.data, in.stride, rows}, AsLoaded{}, extent, out, quantised,
                   stream);
  });
}

}  // namespace twofour::cuda

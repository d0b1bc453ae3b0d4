// out = activation(in) + residual
//
// in, residual, out [rows, stride], in place where they are the same. Used after the products of 16-bit and
// fp32 linears whose library can't apply the activation in the form that the model asks for. Moves one read
// and one written word per element, the residual's where there is one, and the byte of a Quantised.
#include "cuda/kernels/activate_columns.h"
#include "cuda/kernels/row_kernel.h"
#include "cuda/kernels/rows_source.h"

namespace twofour::cuda {
namespace {

template <class T>
struct ActivateAndAdd {
  Activation activation;
  const void* residual;
  size_t stride;

  template <class Values>
  __device__ __forceinline__ void measure(const Values&, size_t) const {}
  __device__ __forceinline__ void apply(size_t row, size_t column, float (&x)[kColumns]) const {
    activate_columns(activation, x);
    if (residual == nullptr) return;
    float added[kColumns];
    load_columns(static_cast<const T*>(residual) + row * stride + column, added);
    for (int i = 0; i < kColumns; ++i) x[i] += added[i];
  }
};

}  // namespace

void activate(const Rows& in, Activation activation, const Rows& residual, Extent rows, const Rows& out,
              const Quantised& quantised, Stream stream) {
  require(in.word == out.word, "an activation between two words");
  require(residual.data == nullptr || residual.word == out.word, "a residual of another word");
  with_word(out.word, [&]<class T>(std::type_identity<T>) {
    launch_rows<T>("activate", RowsSource<T>{in.data, in.stride},
                   ActivateAndAdd<T>{activation, residual.data, residual.stride}, rows, out, quantised,
                   stream);
  });
}

}  // namespace twofour::cuda

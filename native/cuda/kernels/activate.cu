// out = activation(in)
//
// in, out [rows, stride], in place where they are the same. Used after the products of 16-bit and fp32
// linears whose library can't apply the activation in the form that the model asks for. Moves one read and
// one written word per element, and the byte of a Quantised.
#include "cuda/kernels/activate_columns.h"
#include "cuda/kernels/row_kernel.h"
#include "cuda/kernels/rows_source.h"

namespace twofour::cuda {
namespace {

struct Activate {
  Activation activation;

  template <class Values>
  __device__ __forceinline__ void measure(const Values&, size_t) const {}
  __device__ __forceinline__ void apply(size_t, size_t, float (&x)[kColumns]) const {
    activate_columns(activation, x);
  }
};

}  // namespace

void activate(const Rows& in, Activation activation, Extent rows, const Rows& out, const Quantised& quantised,
              Stream stream) {
  require(in.word == out.word, "an activation between two words");
  with_word(out.word, [&]<class T>(std::type_identity<T>) {
    launch_rows<T>("activate", RowsSource<T>{in.data, in.stride}, Activate{activation}, rows, out, quantised,
                   stream);
  });
}

}  // namespace twofour::cuda

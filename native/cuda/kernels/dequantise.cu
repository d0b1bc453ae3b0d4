// out = activation((sum − token_zero · row_sum) · token_scale · row_scale + bias) + residual
//
// sums [tokens, stride] int32, fp32 or bfloat16; token_scales, token_zeros [tokens]; row_scales, row_sums,
// bias [stride] (from L1 and L2); residual, out [tokens, stride]. Used after every product of 8-bit numbers.
// Moves the sum's and the written word per element, the residual's where there is one, and the byte of a
// Quantised.
#include "cuda/kernels/activate_columns.h"
#include "cuda/kernels/row_kernel.h"

namespace twofour::cuda {
namespace {

template <class T, class Sum>
struct DequantisedSource {
  Dequantisation from;
  size_t stride;

  __device__ __forceinline__ void load(size_t token, size_t column, float (&x)[kColumns]) const {
    float scales[kColumns];
    load_sums(token, column, x);
    load_columns(from.row_scales + column, scales);
    const float token_scale = from.token_scales[token];
    for (int i = 0; i < kColumns; ++i) x[i] *= token_scale * scales[i];
    if (from.bias != nullptr) {
      float bias[kColumns];
      load_columns(from.bias + column, bias);
      for (int i = 0; i < kColumns; ++i) x[i] += bias[i];
    }
    // With an activation the residual comes after it.
    if (from.activation == Activation::none) add_residual(token, column, x);
  }
  __device__ __forceinline__ void add_residual(size_t token, size_t column, float (&x)[kColumns]) const {
    if (from.residual.data == nullptr) return;
    float residual[kColumns];
    load_columns(static_cast<const T*>(from.residual.data) + token * stride + column, residual);
    for (int i = 0; i < kColumns; ++i) x[i] += residual[i];
  }

 private:
  __device__ __forceinline__ void load_sums(size_t token, size_t column, float (&x)[kColumns]) const {
    const Sum* place = static_cast<const Sum*>(from.sums) + token * stride + column;
    if constexpr (std::is_same_v<Sum, int32_t>) {
      int32_t sums[kColumns], row_sums[kColumns] = {};
      load_columns(place, sums);
      if (from.token_zeros != nullptr) load_columns(from.row_sums + column, row_sums);
      const int32_t zero = from.token_zeros != nullptr ? from.token_zeros[token] : 0;
      // In whole numbers: both are large and their difference is not.
      for (int i = 0; i < kColumns; ++i) x[i] = static_cast<float>(sums[i] - zero * row_sums[i]);
    } else {
      load_columns(place, x);
    }
  }
};

template <class T, class Sum>
struct ActivateAndAdd {
  DequantisedSource<T, Sum> source;

  template <class Values>
  __device__ __forceinline__ void measure(const Values&, size_t) const {}
  __device__ __forceinline__ void apply(size_t token, size_t column, float (&x)[kColumns]) const {
    if (source.from.activation == Activation::none) return;
    activate_columns(source.from.activation, x);
    source.add_residual(token, column, x);
  }
};

template <class T, class Sum>
void dequantise_sums(const Dequantisation& from, Extent rows, const Rows& out, const Quantised& quantised,
                     Stream stream) {
  const DequantisedSource<T, Sum> source{from, out.stride};
  launch_rows<T>("dequantise", source, ActivateAndAdd<T, Sum>{source}, rows, out, quantised, stream);
}

}  // namespace

void dequantise(const Dequantisation& from, Extent rows, const Rows& out, const Quantised& quantised,
                Stream stream) {
  require(from.residual.data == nullptr || from.residual.word == out.word, "a residual of another word");
  if (out.word == Word::float16 && from.word == SumWord::float32)
    return dequantise_sums<Half, float>(from, rows, out, quantised, stream);
  require(out.word == Word::bfloat16, "these sums to this word");
  switch (from.word) {
    case SumWord::int32:
      return dequantise_sums<Bfloat16, int32_t>(from, rows, out, quantised, stream);
    case SumWord::float32:
      return dequantise_sums<Bfloat16, float>(from, rows, out, quantised, stream);
    case SumWord::bfloat16:
      return dequantise_sums<Bfloat16, Bfloat16>(from, rows, out, quantised, stream);
  }
}

}  // namespace twofour::cuda

// out = (in − mean) / √(variance + ε) · gain + bias, by rows
//
// in, out [rows, stride]; gain, bias [stride] fp32 (from L1 and L2). Used twice per layer and in heads. Moves
// one read and one written word per element, and the byte of a Quantised; the row stays in registers between.
#include "cuda/kernels/normalise_row.h"
#include "cuda/kernels/row_kernel.h"
#include "cuda/kernels/rows_source.h"

namespace twofour::cuda {

void layer_norm(const Rows& in, const NormWeights& norm, Extent rows, const Rows& out,
                const Quantised& quantised, Stream stream) {
  require(in.word == out.word, "a norm between two words");
  with_word(out.word, [&]<class T>(std::type_identity<T>) {
    launch_rows<T>("layer_norm", RowsSource<T>{in.data, in.stride}, LayerNorm{norm}, rows, out, quantised,
                   stream);
  });
}

}  // namespace twofour::cuda

// x ≈ (q − zero) · scale, by rows: int8 with a zero point, or e4m3
//
// in [rows, stride]; out [rows, stride] bytes, scales and zeros [rows]. Used where what made the rows
// couldn't quantise them itself (attention), and for uploads. Moves one read word and one written byte per
// element.
#include "cuda/kernels/row_kernel.h"
#include "cuda/kernels/rows_source.h"

namespace twofour::cuda {

void quantise(const Rows& in, Extent rows, const Quantised& out, Stream stream) {
  const Rows unwanted{nullptr, in.word, in.width, in.stride};
  with_word(in.word, [&]<class T>(std::type_identity<T>) {
    launch_rows<T>("quantise", RowsSource<T>{in.data, in.stride}, AsLoaded{}, rows, unwanted, out, stream);
  });
}

}  // namespace twofour::cuda

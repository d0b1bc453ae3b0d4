// out[row] = max |in[row]|, NaN where a value of the row is not finite
//
// in [rows, stride], out [rows] fp32. Used while an encoder is calibrated. Moves one word per element.
#include "cuda/kernels/quantise_row.h"
#include "cuda/kernels/row_kernel.h"
#include "cuda/kernels/rows_source.h"

namespace twofour::cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(RowTeam::kBlock) measure_rows(Rows in, const int32_t* count, float* out) {
  const RowTeam team(false);
  if (team.row() >= static_cast<size_t>(*count)) return;
  const RowsSource<T> source{in.data, in.stride};
  const AsLoaded finish;
  const RowValues<RowsSource<T>, AsLoaded, 0> values(team, source, finish, in.stride);
  const RowRange range = range_of(values, in.width);
  if (team.lane() == 0) out[team.row()] = range.broken != 0 ? kNaN : fmaxf(range.below, range.above);
}

}  // namespace

void largest(const Rows& in, Extent rows, float* out, Stream stream) {
  const Grid grid{blocks_for(rows.capacity, RowTeam::kWarps)};
  if (grid.x == 0) return;
  with_word(in.word, [&]<class T>(std::type_identity<T>) {
    check_launch("largest",
                 launch(measure_rows<T>, grid, Grid{RowTeam::kBlock}, 0, stream, in, rows.count, out));
  });
}

}  // namespace twofour::cuda

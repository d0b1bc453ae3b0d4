#pragma once
#include "cuda/kernels/launching.h"
#include "cuda/kernels/quantise_row.h"
#include "cuda/kernels/row_values.h"

/// The kernel behind all verbs that make rows: values from a Source, through a Finish (see row_values.h), to
/// Rows of T and to a Quantised, each where it is wanted. Each verb's file has its Source and its formula.
namespace twofour::cuda {

template <class T, class Values>
__device__ __forceinline__ void store_row(const Values& values, const Rows& out) {
  T* row = static_cast<T*>(out.data) + values.team().row() * out.stride;
  values.each([&](size_t column, const float(&x)[kColumns]) {
    float kept[kColumns];
    for (int i = 0; i < kColumns; ++i) kept[i] = column + i < out.width ? x[i] : 0;
    store_columns(row + column, kept);
  });
}

template <class T, int kSteps, class Source, class Finish>
__global__ void __launch_bounds__(RowTeam::kBlock)
    write_rows(bool whole_block, Source source, Finish finish, const int32_t* count, Rows out,
               Quantised quantised) {
  const RowTeam team(whole_block);
  if (team.row() >= static_cast<size_t>(*count)) return;
  RowValues<Source, Finish, kSteps> values(team, source, finish, out.stride);
  values.finish(out.width);
  // Quantised first: with kSteps = 0 it reads again what a Rows in place would have overwritten.
  if (quantised.data != nullptr) quantise_row(values, quantised);
  if (out.data != nullptr) store_row<T>(values, out);
}

/// A warp for a row of up to 1,024 columns (a block, where `whole_block` asks for more threads), else a
/// block. Beyond 4,096 columns, which no usual model has, and for float32, which is for verification, values
/// are made anew each time they are looked at: that is a quarter of the code.
template <class T, class Source, class Finish>
void launch_rows(const char* name, const Source& source, const Finish& finish, Extent extent, const Rows& out,
                 const Quantised& quantised, Stream stream, bool whole_block = false) {
  constexpr int kSteps = 4;
  const size_t vectors = out.stride / kColumns;
  whole_block = whole_block || vectors > kSteps * RowTeam::kWarp;
  const Grid grid{blocks_for(extent.capacity, whole_block ? 1 : RowTeam::kWarps)};
  if (grid.x == 0) return;
  const auto start = [&](auto* kernel) {
    check_launch(name, launch(kernel, grid, Grid{RowTeam::kBlock}, 0, stream, whole_block, source, finish,
                              extent.count, out, quantised));
  };
  if constexpr (!std::is_same_v<T, float>) {
    if (vectors <= kSteps * RowTeam::kBlock) return start(write_rows<T, kSteps, Source, Finish>);
  }
  start(write_rows<T, 0, Source, Finish>);
}

}  // namespace twofour::cuda

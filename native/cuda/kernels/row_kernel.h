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

template <class T, class Source, class Finish, int kThreads, int kSteps>
__global__ void __launch_bounds__(RowTeam<kThreads>::kBlock)
    write_rows(Source source, Finish finish, const int32_t* count, Rows out, Quantised quantised) {
  if (RowTeam<kThreads>().row() >= static_cast<size_t>(*count)) return;
  RowValues<Source, Finish, kThreads, kSteps> values(source, finish, out.stride);
  values.finish(out.width);
  // Quantised first: with kSteps = 0 it reads again what a Rows in place would have overwritten.
  if (quantised.data != nullptr) quantise_row(values, quantised);
  if (out.data != nullptr) store_row<T>(values, out);
}

template <int kThreads, int kSteps, class T, class Source, class Finish>
void launch_team(const char* name, const Source& source, const Finish& finish, Extent extent, const Rows& out,
                 const Quantised& quantised, Stream stream) {
  using Team = RowTeam<kThreads>;
  const Grid grid{blocks_for(extent.capacity, Team::kRowsPerBlock)};
  if (grid.x == 0) return;
  check_launch(name, launch(write_rows<T, Source, Finish, kThreads, kSteps>, grid, Grid{Team::kBlock}, 0,
                            stream, source, finish, extent.count, out, quantised));
}

/// A warp (or more: kLeastTeam threads) for a row of up to 1,024 columns, 4 warps up to 4,096; beyond, which
/// no usual model has, 16 warps that make the values anew each time they are looked at.
template <class T, int kLeastTeam = 32, class Source, class Finish>
void launch_rows(const char* name, const Source& source, const Finish& finish, Extent extent, const Rows& out,
                 const Quantised& quantised, Stream stream) {
  constexpr int kSteps = 4;
  const size_t vectors = out.stride / kColumns;
  const auto with = [&](auto* launcher) { launcher(name, source, finish, extent, out, quantised, stream); };
  if constexpr (kLeastTeam == 32) {
    if (vectors <= kSteps * 32) return with(launch_team<32, kSteps, T, Source, Finish>);
  }
  if (vectors <= kSteps * 128) return with(launch_team<128, kSteps, T, Source, Finish>);
  with(launch_team<512, 0, T, Source, Finish>);
}

}  // namespace twofour::cuda

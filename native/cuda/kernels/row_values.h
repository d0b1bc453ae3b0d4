#pragma once
#include "cuda/kernels/columns.h"
#include "cuda/kernels/row_team.h"

namespace twofour::cuda {

/// One thread's share of a row: eight columns at (step · threads + lane) · 8 for each step, held in
/// registers. With kSteps = 0 a row of any width, whose values are made again each time they are looked at.
///
/// Source: `void load(size_t row, size_t column, float (&x)[8]) const`, whose loads of all steps are under
/// way together. Finish: `void measure(values, width)` looks at the row as it was loaded, then `void
/// apply(size_t row, size_t column, float (&x)[8]) const` makes the final values.
template <class Source, class Finish, int kSteps>
class RowValues {
 public:
  __device__ __forceinline__ RowValues(RowTeam team, const Source& source, const Finish& finish,
                                       size_t stride)
      : team_(team), source_(source), finish_(finish), stride_(stride) {
    if constexpr (kSteps > 0) {
      each_place([&](int step, size_t column) { source_.load(team_.row(), column, values_[step]); });
    }
  }

  __device__ __forceinline__ void finish(size_t width) {
    finish_.measure(*this, width);
    finished_ = true;
    if constexpr (kSteps > 0) {
      each_place([&](int step, size_t column) { finish_.apply(team_.row(), column, values_[step]); });
    }
  }

  /// visit(column, x) for each eight columns below the stride.
  template <class Visit>
  __device__ __forceinline__ void each(const Visit& visit) const {
    if constexpr (kSteps > 0) {
      each_place([&](int step, size_t column) { visit(column, values_[step]); });
    } else {
      for (size_t column = team_.lane() * kColumns; column < stride_; column += team_.threads() * kColumns) {
        float x[kColumns];
        source_.load(team_.row(), column, x);
        if (finished_) finish_.apply(team_.row(), column, x);
        visit(column, x);
      }
    }
  }

  /// The row's sum of term(x) over the columns below `width`.
  template <class Term>
  __device__ __forceinline__ float sum(size_t width, const Term& term) const {
    float sum = 0;
    each([&](size_t column, const float(&x)[kColumns]) {
      for (int i = 0; i < kColumns; ++i) sum += column + i < width ? term(x[i]) : 0;
    });
    return team_.sum(sum);
  }

  __device__ __forceinline__ const RowTeam& team() const { return team_; }

 private:
  template <class Visit>
  __device__ __forceinline__ void each_place(const Visit& visit) const {
    UNROLL for (int step = 0; step < kSteps; ++step) {
      const size_t column = (step * team_.threads() + team_.lane()) * kColumns;
      if (column < stride_) visit(step, column);
    }
  }

  RowTeam team_;
  Source source_;
  Finish finish_;
  size_t stride_;
  bool finished_ = false;
  float values_[kSteps > 0 ? kSteps : 1][kColumns];
};

/// The Finish that leaves values as they were loaded.
struct AsLoaded {
  template <class Values>
  __device__ __forceinline__ void measure(const Values&, size_t) const {}
  __device__ __forceinline__ void apply(size_t, size_t, float (&)[kColumns]) const {}
};

}  // namespace twofour::cuda

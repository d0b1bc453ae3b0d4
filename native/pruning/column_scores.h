#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/control.h"
#include "base/thread_pool.h"
#include "pruning/scores.h"

namespace twofour::pruning {

/// Four rows at a time, on any processor.
typedef float Lanes __attribute__((vector_size(16)));
inline Lanes larger(Lanes a, Lanes b) { return a > b ? a : b; }
inline Lanes smaller(Lanes a, Lanes b) { return a < b ? a : b; }
inline double sum_of(Lanes lanes) {
  return (static_cast<double>(lanes[0]) + lanes[1]) + (static_cast<double>(lanes[2]) + lanes[3]);
}

/// What a matrix' weights are worth, column by column; what is gone is worth nothing.
class ColumnScores {
 public:
  /// `score` is of this matrix. Throws what RowReader throws, PRUNE_NOT_FINITE included, and Cancelled.
  ColumnScores(const WeightSource& source, const Score& score, ThreadPool& pool, const Control& control);

  size_t columns() const { return columns_; }
  /// Of a column; rows behind the last are zeros.
  size_t lanes() const { return lanes_; }
  const Lanes* column(size_t index) const { return numbers_.data() + index * lanes_; }
  double total(size_t column) const;

  /// What stays of these columns, the `n` highest of every `m` in each row.
  double kept(std::span<const int32_t> order, size_t n, size_t m, ThreadPool& pool) const;

 private:
  size_t columns_, lanes_;
  std::vector<Lanes> numbers_;
};

/// The `n` largest of `count` numbers, largest first, lane by lane: of `group(i)` into `best`.
template <class Group>
void largest_lanes(size_t count, size_t n, Group&& group, Lanes* best) {
  for (size_t i = 0; i < n; ++i) best[i] = Lanes{};
  for (size_t i = 0; i < count; ++i) {
    Lanes number = group(i);
    for (size_t place = 0; place < n; ++place) {
      const Lanes high = larger(best[place], number);
      number = smaller(best[place], number);
      best[place] = high;
    }
  }
}

}  // namespace twofour::pruning

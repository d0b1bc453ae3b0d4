#include "pruning/column_scores.h"

#include <algorithm>

#include "base/bits.h"

namespace twofour::pruning {
namespace {

constexpr size_t kLanes = 4;

}  // namespace

ColumnScores::ColumnScores(const WeightSource& source, const Score& score, ThreadPool& pool,
                           const Control& control)
    : columns_(source.stored_columns()),
      lanes_((source.stored_rows() + kLanes - 1) / kLanes),
      numbers_(columns_ * lanes_, Lanes{}) {
  const RowReader reader(source);
  pool.run_ranges(lanes_, 4, [&](size_t begin, size_t end, size_t) {
    control.check();
    const size_t first = begin * kLanes, rows = std::min(end * kLanes, source.stored_rows()) - first;
    std::vector<float> scores(rows * columns_);
    reader.finite_floats(first, rows, scores.data());
    score(first * columns_, scores);
    for (size_t i = 0; i < scores.size(); ++i) {
      const size_t row = first + i / columns_;
      if (!source.bits.empty() && !bit_at(source.bits, first * columns_ + i)) continue;
      numbers_[i % columns_ * lanes_ + row / kLanes][row % kLanes] = scores[i];
    }
  });
}

double ColumnScores::total(size_t index) const {
  const Lanes* numbers = column(index);
  double sum = 0;
  for (size_t lane = 0; lane < lanes_; ++lane) sum += sum_of(numbers[lane]);
  return sum;
}

double ColumnScores::kept(std::span<const int32_t> order, size_t n, size_t m, ThreadPool& pool) const {
  std::vector<double> sums(order.size() / m);
  pool.run_ranges(sums.size(), 4, [&](size_t begin, size_t end, size_t) {
    std::vector<Lanes> best(n);
    for (size_t group = begin; group < end; ++group) {
      const auto columns = order.subspan(group * m, m);
      for (size_t lane = 0; lane < lanes_; ++lane) {
        const auto number = [&](size_t i) { return column(static_cast<size_t>(columns[i]))[lane]; };
        largest_lanes(m, n, number, best.data());
        for (const Lanes& high : best) sums[group] += sum_of(high);
      }
    }
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

}  // namespace twofour::pruning

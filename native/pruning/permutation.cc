#include "pruning/permutation.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "pruning/column_scores.h"
#include "pruning/slot_rounds.h"
#include "pruning/stripe_search.h"

namespace twofour::pruning {
namespace {

/// Inputs of whole groups, those of a block behind one another.
std::vector<int32_t> grouped_inputs(const WeightSource& source, size_t m) {
  std::vector<int32_t> inputs(source.stored_columns());
  std::iota(inputs.begin(), inputs.end(), 0);
  if (source.columns) inputs = *source.columns;
  inputs.resize(inputs.size() / m * m);
  return inputs;
}

/// The highest go to different groups, and so do the lowest: rank by rank, there and back.
std::vector<int32_t> dealt(const ColumnScores& scores, std::span<const int32_t> inputs, size_t m) {
  std::vector<double> totals(scores.columns());
  for (const int32_t input : inputs)
    totals[static_cast<size_t>(input)] = scores.total(static_cast<size_t>(input));
  std::vector<int32_t> ranked(inputs.begin(), inputs.end()), order(inputs.size());
  std::ranges::stable_sort(ranked, std::greater(),
                           [&](int32_t input) { return totals[static_cast<size_t>(input)]; });
  const size_t groups = inputs.size() / m;
  for (size_t rank = 0; rank < ranked.size(); ++rank) {
    const size_t slot = rank / groups, place = rank % groups;
    order[(slot % 2 == 0 ? place : groups - 1 - place) * m + slot] = ranked[rank];
  }
  return order;
}

/// What rows keep that may choose `share` of these inputs wherever they stand.
double kept_anywhere(const ColumnScores& scores, std::span<const int32_t> inputs, const NOfM& pattern,
                     ThreadPool& pool) {
  const size_t stay = inputs.size() / pattern.m * pattern.n;
  std::vector<double> sums(scores.lanes());
  pool.run_ranges(sums.size(), 1, [&](size_t begin, size_t end, size_t) {
    std::vector<float> row(inputs.size());
    for (size_t lane = begin; lane < end; ++lane) {
      for (size_t at = 0; at < 4; ++at) {
        for (size_t i = 0; i < row.size(); ++i)
          row[i] = scores.column(static_cast<size_t>(inputs[i]))[lane][at];
        std::nth_element(row.begin(), row.begin() + static_cast<ptrdiff_t>(stay), row.end(), std::greater());
        for (size_t i = 0; i < stay; ++i) sums[lane] += row[i];
      }
    }
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// Moves inputs among themselves where that keeps more.
void permute(const ColumnScores& scores, const NOfM& pattern, std::span<int32_t> inputs, ThreadPool& pool,
             const Control& control) {
  const auto [n, m] = pattern;
  const double before = scores.kept(inputs, n, m, pool);
  std::vector<int32_t> order = dealt(scores, inputs, m);
  if (scores.kept(order, n, m, pool) < before) order.assign(inputs.begin(), inputs.end());
  const double worth = kept_anywhere(scores, inputs, pattern, pool) - before;
  improve_by_slots(scores, n, m, worth, order, pool, control);
  if (m == 4) improve_by_stripes(scores, n, order, pool, control);
  if (scores.kept(order, n, m, pool) > before) std::ranges::copy(order, inputs.begin());
}

}  // namespace

Permutation find_permutation(const WeightSource& source, const Score& score, const NOfM& pattern,
                             size_t block, ThreadPool& pool, Control& control) {
  const auto [n, m] = pattern;
  const ColumnScores scores(source, score, pool, control);
  const std::vector<int32_t> inputs = grouped_inputs(source, m);
  std::vector<int32_t> order = inputs;
  for (size_t first = 0; first < order.size(); first += block) {
    control.report(first, order.size());
    permute(scores, pattern, std::span(order).subspan(first, std::min(block, order.size() - first)), pool,
            control);
  }

  Permutation found{std::vector<int32_t>(scores.columns()), scores.kept(inputs, n, m, pool),
                    scores.kept(order, n, m, pool), kept_anywhere(scores, inputs, pattern, pool)};
  std::iota(found.order.begin(), found.order.end(), 0);
  for (size_t i = 0; i < inputs.size(); ++i) found.order[static_cast<size_t>(inputs[i])] = order[i];
  return found;
}

}  // namespace twofour::pruning

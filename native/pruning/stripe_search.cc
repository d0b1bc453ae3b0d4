#include "pruning/stripe_search.h"

#include <algorithm>
#include <array>
#include <vector>

namespace twofour::pruning {
namespace {

constexpr size_t kSplits = 35;
/// At pairs, at most. With more groups than some 280 not all are looked at once, and so none are: there
/// assignment has left next to nothing to win.
constexpr size_t kLooks = 40000;

using Split = std::array<uint8_t, 8>;

/// The ways to cut eight into two fours: the first four with number 0 among them, then the others. The first
/// is to leave all where it is.
constexpr std::array<Split, kSplits> all_splits() {
  std::array<Split, kSplits> splits{};
  size_t count = 0;
  for (uint8_t a = 1; a < 8; ++a) {
    for (uint8_t b = a + 1; b < 8; ++b) {
      for (uint8_t c = b + 1; c < 8; ++c) {
        Split& split = splits[count++];
        split = {0, a, b, c};
        size_t place = 4;
        for (uint8_t other = 1; other < 8; ++other) {
          if (other != a && other != b && other != c) split[place++] = other;
        }
      }
    }
  }
  return splits;
}
constexpr std::array<Split, kSplits> kAllSplits = all_splits();

/// Of every two of eight columns the larger and the smaller.
struct Sorted {
  Lanes high[8][8], low[8][8];
};

/// What `N` of four columns keep, from two pairs of them.
template <size_t N>
Lanes kept_of_four(const Sorted& sorted, const uint8_t* four) {
  const Lanes high1 = sorted.high[four[0]][four[1]], high2 = sorted.high[four[2]][four[3]];
  if constexpr (N == 1) return larger(high1, high2);
  const Lanes low1 = sorted.low[four[0]][four[1]], low2 = sorted.low[four[2]][four[3]];
  if constexpr (N == 2) return larger(high1, high2) + larger(smaller(high1, high2), larger(low1, low2));
  return high1 + high2 + larger(low1, low2);
}

struct Gain {
  float more = 0;  ///< Kept beyond what the groups keep as they are.
  uint8_t split = 0;
};

template <size_t N>
Gain best_split(const ColumnScores& scores, const int32_t* first, const int32_t* second) {
  const Lanes* columns[8];
  for (size_t i = 0; i < 8; ++i)
    columns[i] = scores.column(static_cast<size_t>(i < 4 ? first[i] : second[i - 4]));
  std::array<Lanes, kSplits> sums{};
  Sorted sorted;
  for (size_t lane = 0; lane < scores.lanes(); ++lane) {
    for (size_t i = 0; i < 8; ++i) {
      for (size_t j = i + 1; j < 8; ++j) {
        sorted.high[i][j] = larger(columns[i][lane], columns[j][lane]);
        sorted.low[i][j] = smaller(columns[i][lane], columns[j][lane]);
      }
    }
#pragma GCC unroll 35
    for (size_t split = 0; split < kSplits; ++split) {
      const uint8_t* eight = kAllSplits[split].data();
      sums[split] += kept_of_four<N>(sorted, eight) + kept_of_four<N>(sorted, eight + 4);
    }
  }
  const double now = sum_of(sums[0]);
  Gain best;
  for (size_t split = 1; split < kSplits; ++split) {
    const auto more = static_cast<float>(sum_of(sums[split]) - now);
    if (more > best.more) best = {more, static_cast<uint8_t>(split)};
  }
  return best;
}

struct Pair {
  uint32_t first, second;
  Gain gain;
};

class Search {
 public:
  using BestSplit = Gain (*)(const ColumnScores&, const int32_t*, const int32_t*);

  Search(const ColumnScores& scores, BestSplit best, std::span<int32_t> order, ThreadPool& pool)
      : scores_(scores), best_(best), order_(order), pool_(pool), changed_(order.size() / 4, 1) {
    const auto groups = static_cast<uint32_t>(changed_.size());
    for (uint32_t second = 1; second < groups; ++second) {
      for (uint32_t first = 0; first < second; ++first) pairs_.push_back({first, second, {}});
    }
  }

  void run(const Control& control) {
    while (look(control) && exchange()) {
    }
  }

 private:
  /// At all pairs of which a group has changed. False where that would be one look too many.
  bool look(const Control& control) {
    std::vector<Pair*> stale;
    for (Pair& pair : pairs_) {
      if (changed_[pair.first] != 0 || changed_[pair.second] != 0) stale.push_back(&pair);
    }
    if (stale.size() > left_) return false;
    left_ -= stale.size();
    pool_.run_ranges(stale.size(), 64, [&](size_t begin, size_t end, size_t) {
      control.check();
      for (size_t i = begin; i < end; ++i)
        stale[i]->gain = best_(scores_, group(stale[i]->first), group(stale[i]->second));
    });
    return true;
  }

  /// Each group at most once. False where there was nothing to gain.
  bool exchange() {
    std::vector<const Pair*> gaining;
    for (const Pair& pair : pairs_) {
      if (pair.gain.more > floor_) gaining.push_back(&pair);
    }
    std::stable_sort(gaining.begin(), gaining.end(),
                     [](const Pair* a, const Pair* b) { return a->gain.more > b->gain.more; });
    // Behind the first look, what is less than this share of the best gain is rounding.
    if (floor_ == 0 && !gaining.empty()) floor_ = 1e-4f * gaining.front()->gain.more;
    std::ranges::fill(changed_, 0);
    for (const Pair* pair : gaining) {
      if (changed_[pair->first] == 0 && changed_[pair->second] == 0) apply(*pair);
    }
    return !gaining.empty();
  }

  void apply(const Pair& pair) {
    int32_t *first = group(pair.first), *second = group(pair.second), eight[8];
    std::copy_n(first, 4, eight);
    std::copy_n(second, 4, eight + 4);
    const Split& split = kAllSplits[pair.gain.split];
    for (size_t i = 0; i < 4; ++i) {
      first[i] = eight[split[i]];
      second[i] = eight[split[i + 4]];
    }
    changed_[pair.first] = changed_[pair.second] = 1;
  }

  int32_t* group(uint32_t index) { return order_.data() + size_t{4} * index; }

  const ColumnScores& scores_;
  BestSplit best_;
  std::span<int32_t> order_;
  ThreadPool& pool_;
  std::vector<uint8_t> changed_;
  std::vector<Pair> pairs_;
  size_t left_ = kLooks;
  float floor_ = 0;
};

}  // namespace

void improve_by_stripes(const ColumnScores& scores, size_t n, std::span<int32_t> order, ThreadPool& pool,
                        const Control& control) {
  constexpr Search::BestSplit kBest[] = {best_split<1>, best_split<2>, best_split<3>};
  Search(scores, kBest[n - 1], order, pool).run(control);
}

}  // namespace twofour::pruning

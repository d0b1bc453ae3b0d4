#include "pruning/stripe_pair.h"

namespace twofour::pruning {
namespace {

constexpr size_t kSplits = 35;

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

template <size_t N>
Gain best_of(const ColumnScores& scores, const int32_t* first, const int32_t* second) {
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

}  // namespace

Gain best_split(const ColumnScores& scores, size_t n, const int32_t* first, const int32_t* second) {
  constexpr decltype(&best_of<1>) kBest[] = {best_of<1>, best_of<2>, best_of<3>};
  return kBest[n - 1](scores, first, second);
}

const Split& split_at(uint8_t index) { return kAllSplits[index]; }

}  // namespace twofour::pruning

#include "pruning/stripe_search.h"

#include <algorithm>
#include <vector>

#include "pruning/stripe_pair.h"

namespace twofour::pruning {
namespace {

/// At pairs, at most. With more groups than some 280 not all are looked at once, and so none are: there
/// assignment has left next to nothing to win.
constexpr size_t kLooks = 40000;

struct Pair {
  uint32_t first, second;
  Gain gain;
};

class Search {
 public:
  Search(const ColumnScores& scores, size_t n, std::span<int32_t> order, ThreadPool& pool)
      : scores_(scores), n_(n), order_(order), pool_(pool), changed_(order.size() / 4, 1) {
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
        stale[i]->gain = best_split(scores_, n_, group(stale[i]->first), group(stale[i]->second));
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
    const Split& split = split_at(pair.gain.split);
    for (size_t i = 0; i < 4; ++i) {
      first[i] = eight[split[i]];
      second[i] = eight[split[i + 4]];
    }
    changed_[pair.first] = changed_[pair.second] = 1;
  }

  int32_t* group(uint32_t index) { return order_.data() + size_t{4} * index; }

  const ColumnScores& scores_;
  size_t n_;
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
  Search(scores, n, order, pool).run(control);
}

}  // namespace twofour::pruning

#include "pruning/slot_rounds.h"

#include <algorithm>
#include <vector>

#include "pruning/assignment.h"

namespace twofour::pruning {
namespace {

/// Rounds at most, and the share of what can be won below which two in a row were the last.
constexpr size_t kRounds = 40;
constexpr double kLittle = 5e-4;
/// Groups and columns that are compared at a time, so that their sums stay in registers.
constexpr size_t kGroups = 4, kColumns = 2;

class Slots {
 public:
  Slots(const ColumnScores& scores, size_t n, size_t m, std::span<int32_t> order, ThreadPool& pool)
      : scores_(scores),
        n_(n),
        m_(m),
        order_(order),
        pool_(pool),
        groups_(order.size() / m),
        padded_((groups_ + kGroups - 1) / kGroups * kGroups),
        free_(groups_),
        surely_(groups_),
        least_(padded_ * scores.lanes(), Lanes{}) {}

  /// Deals the columns at these places of the groups anew. Returns how much more is kept.
  double deal(size_t round, size_t slot) {
    for (size_t group = 0; group < groups_; ++group) {
      const size_t turn = round == 0 ? 0 : static_cast<size_t>(random_at({0, round, slot}, group) * 0x1p16f);
      free_[group] = group * m_ + (slot + turn) % m_;
    }
    pool_.run_ranges(groups_, 4, [&](size_t begin, size_t end, size_t) {
      for (size_t group = begin; group < end; ++group) set_aside(group);
    });
    const std::vector<float> gains = gains_of_all();
    const std::vector<size_t> taken = best_assignment(gains, groups_);
    double more = 0;
    std::vector<int32_t> columns;
    for (size_t group = 0; group < groups_; ++group) {
      more += static_cast<double>(gains[group * groups_ + taken[group]]) - gains[group * groups_ + group];
      columns.push_back(order_[free_[taken[group]]]);
    }
    if (!(more > 0)) return 0;
    for (size_t group = 0; group < groups_; ++group) order_[free_[group]] = columns[group];
    return more;
  }

 private:
  const Lanes* column_at(size_t place) const { return scores_.column(static_cast<size_t>(order_[place])); }

  /// Of a group without its free column: a number v in its place makes it keep `surely_` + max(v, least).
  void set_aside(size_t group) {
    std::vector<const Lanes*> others;
    for (size_t place = group * m_; place < (group + 1) * m_; ++place) {
      if (place != free_[group]) others.push_back(column_at(place));
    }
    std::vector<Lanes> best(n_);
    Lanes* least = least_.data() + group * scores_.lanes();
    double sum = 0;
    for (size_t lane = 0; lane < scores_.lanes(); ++lane) {
      largest_lanes(m_ - 1, n_, [&](size_t i) { return others[i][lane]; }, best.data());
      for (size_t i = 0; i + 1 < n_; ++i) sum += sum_of(best[i]);
      least[lane] = best[n_ - 1];
    }
    surely_[group] = sum;
  }

  /// [groups, groups]: what a group keeps with the free column of each.
  std::vector<float> gains_of_all() const {
    std::vector<float> gains(groups_ * groups_);
    pool_.run_ranges(padded_ / kGroups, 1, [&](size_t begin, size_t end, size_t) {
      for (size_t group = begin * kGroups; group < end * kGroups; group += kGroups) {
        for (size_t column = 0; column < groups_; column += kColumns) compare(group, column, gains);
      }
    });
    return gains;
  }

  void compare(size_t group, size_t column, std::vector<float>& gains) const {
    const size_t lanes = scores_.lanes();
    const Lanes* columns[kColumns];
    for (size_t j = 0; j < kColumns; ++j) columns[j] = column_at(free_[std::min(column + j, groups_ - 1)]);
    const Lanes* least = least_.data() + group * lanes;
    Lanes sums[kGroups][kColumns] = {};
    for (size_t lane = 0; lane < lanes; ++lane) {
      for (size_t i = 0; i < kGroups; ++i) {
        for (size_t j = 0; j < kColumns; ++j) sums[i][j] += larger(columns[j][lane], least[i * lanes + lane]);
      }
    }
    for (size_t i = 0; i < kGroups && group + i < groups_; ++i) {
      for (size_t j = 0; j < kColumns && column + j < groups_; ++j)
        gains[(group + i) * groups_ + column + j] =
            static_cast<float>(surely_[group + i] + sum_of(sums[i][j]));
    }
  }

  const ColumnScores& scores_;
  size_t n_, m_;
  std::span<int32_t> order_;
  ThreadPool& pool_;
  size_t groups_, padded_;
  std::vector<size_t> free_;  ///< The place in `order_` of each group's free column.
  std::vector<double> surely_;
  std::vector<Lanes> least_;
};

}  // namespace

void improve_by_slots(const ColumnScores& scores, size_t n, size_t m, double worth, std::span<int32_t> order,
                      ThreadPool& pool, const Control& control) {
  Slots slots(scores, n, m, order, pool);
  size_t idle = 0;
  for (size_t round = 0; round < kRounds && idle < 2; ++round) {
    double more = 0;
    for (size_t slot = 0; slot < m; ++slot) {
      control.check();
      more += slots.deal(round, slot);
    }
    idle = more > kLittle * worth ? 0 : idle + 1;
  }
}

}  // namespace twofour::pruning

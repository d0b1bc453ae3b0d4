#include "pruning/assignment.h"

#include <algorithm>
#include <limits>

namespace twofour::pruning {
namespace {

constexpr size_t kNone = std::numeric_limits<size_t>::max();

/// A matching that grows by a row at a time, with prices under which no pair of it could do better.
class Matching {
 public:
  Matching(std::span<const float> gains, size_t size)
      : gains_(gains),
        size_(size),
        row_prices_(size),
        column_prices_(size),
        row_of_(size, kNone),
        column_of_(size, kNone) {
    settle_cheap();
  }

  void add(size_t row) {
    if (column_of_[row] == kNone) augment(row);
  }
  std::vector<size_t> columns() && { return std::move(column_of_); }

 private:
  double reduced(size_t row, size_t column) const {
    return -static_cast<double>(gains_[row * size_ + column]) - row_prices_[row] - column_prices_[column];
  }

  /// Every row's cheapest column under prices that make none negative; whoever comes first has it.
  void settle_cheap() {
    for (size_t column = 0; column < size_; ++column) {
      double least = std::numeric_limits<double>::infinity();
      for (size_t row = 0; row < size_; ++row) least = std::min(least, reduced(row, column));
      column_prices_[column] = least;
    }
    for (size_t row = 0; row < size_; ++row) {
      size_t cheapest = 0;
      for (size_t column = 1; column < size_; ++column) {
        if (reduced(row, column) < reduced(row, cheapest)) cheapest = column;
      }
      row_prices_[row] += reduced(row, cheapest);
      if (row_of_[cheapest] == kNone) match(row, cheapest);
    }
  }

  void match(size_t row, size_t column) {
    row_of_[column] = row;
    column_of_[row] = column;
  }

  /// The shortest path from `start` to a free column, along which matches are exchanged.
  void augment(size_t start) {
    std::vector<double> distances(size_, std::numeric_limits<double>::infinity());
    std::vector<size_t> came_from(size_, kNone), settled;
    std::vector<char> is_settled(size_, 0);
    double distance = 0;
    size_t row = start, column = kNone;
    for (;;) {
      double least = std::numeric_limits<double>::infinity();
      for (size_t next = 0; next < size_; ++next) {
        if (is_settled[next] != 0) continue;
        const double length = distance + reduced(row, next);
        if (length < distances[next]) {
          distances[next] = length;
          came_from[next] = row;
        }
        if (distances[next] < least) {
          least = distances[next];
          column = next;
        }
      }
      distance = least;
      if (row_of_[column] == kNone) break;
      is_settled[column] = 1;
      settled.push_back(column);
      row = row_of_[column];
    }
    row_prices_[start] += distance;
    for (const size_t passed : settled) {
      const double slack = distance - distances[passed];
      column_prices_[passed] -= slack;
      row_prices_[row_of_[passed]] += slack;
    }
    for (size_t next = column; next != kNone;) {
      const size_t from = came_from[next], before = column_of_[from];
      match(from, next);
      next = from == start ? kNone : before;
    }
  }

  std::span<const float> gains_;
  size_t size_;
  std::vector<double> row_prices_, column_prices_;
  std::vector<size_t> row_of_, column_of_;
};

}  // namespace

std::vector<size_t> best_assignment(std::span<const float> gains, size_t size) {
  Matching matching(gains, size);
  for (size_t row = 0; row < size; ++row) matching.add(row);
  return std::move(matching).columns();
}

}  // namespace twofour::pruning

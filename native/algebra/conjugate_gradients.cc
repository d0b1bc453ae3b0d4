#include "algebra/conjugate_gradients.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include "algebra/products.h"
#include "base/bits.h"

namespace twofour::algebra {
namespace {

/// Steps that a row's progress is judged by.
constexpr size_t kLately = 8;

/// By how much each step lowered a row's objective, twice that.
struct Gains {
  double all = 0;
  std::array<double, kLately> latest{};
  double lately() const { return std::accumulate(latest.begin(), latest.end(), 0.0); }
};

/// Rows that are not done, packed: `row[i]` is the number of the i-th.
struct Active {
  std::vector<size_t> row;
  std::vector<float> residuals, directions, products;  ///< [rows, size], as far as `row` reaches
  std::vector<double> errors, goals;                   ///< rᵀ D⁻¹ r as it is and as it shall be
};

class Solver {
 public:
  Solver(const MaskedSystems& systems, std::span<float> x, const Stop& stop, ThreadPool& pool)
      : systems_(systems), size_(systems.size), x_(x), stop_(stop), pool_(pool), scale_(systems.size) {
    for (size_t i = 0; i < size_; ++i) {
      const double diagonal = systems.matrix[i * size_ + i] + systems.shift;
      scale_[i] = diagonal > 0 ? static_cast<float>(1 / diagonal) : 0.0f;
    }
  }

  void begin(std::span<const float> right) {
    const size_t rows = right.size() / std::max<size_t>(size_, 1);
    active_.residuals.resize(rows * size_);
    active_.directions.resize(rows * size_);
    active_.products.resize(rows * size_);
    gains_.resize(rows);
    for (size_t row = 0; row < rows; ++row) {
      float* residual = at(active_.residuals, row);
      double error = 0;
      for (size_t i = 0; i < size_; ++i) {
        residual[i] = bit_at(systems_.bits, row * size_ + i) ? right[row * size_ + i] : 0.0f;
        error += static_cast<double>(residual[i]) * residual[i] * scale_[i];
        at(active_.directions, row)[i] = residual[i] * scale_[i];
      }
      active_.row.push_back(row);
      active_.errors.push_back(error);
      active_.goals.push_back(error * stop_.tolerance * stop_.tolerance);
    }
    drop_finished();
  }

  bool done() const { return active_.row.empty() || steps_ == stop_.steps; }
  size_t steps() const { return steps_; }

  void step() {
    const size_t rows = active_.row.size();
    std::fill_n(active_.products.begin(), rows * size_, 0.0f);
    add_product(active_.directions.data(), size_, systems_.matrix.data(), size_, rows, size_, size_, 1.0f,
                active_.products.data(), size_, pool_);
    pool_.run(rows, [&](size_t slot, size_t) { advance(slot); });
    ++steps_;
    drop_finished();
  }

 private:
  float* at(std::vector<float>& rows, size_t slot) const { return rows.data() + slot * size_; }

  void advance(size_t slot) {
    float *direction = at(active_.directions, slot), *product = at(active_.products, slot);
    float *residual = at(active_.residuals, slot), *x = x_.data() + active_.row[slot] * size_;
    const size_t first = active_.row[slot] * size_;
    const auto shift = static_cast<float>(systems_.shift);
    double curvature = 0;
    for (size_t i = 0; i < size_; ++i) {
      product[i] = bit_at(systems_.bits, first + i) ? product[i] + shift * direction[i] : 0.0f;
      curvature += static_cast<double>(direction[i]) * product[i];
    }
    // Only rounding can make it so: what there is, is as good as it gets.
    if (!(curvature > 0)) {
      active_.errors[slot] = 0;
      return;
    }
    const double before = active_.errors[slot];
    const auto length = static_cast<float>(before / curvature);
    double error = 0;
    for (size_t i = 0; i < size_; ++i) {
      x[i] += length * direction[i];
      residual[i] -= length * product[i];
      error += static_cast<double>(residual[i]) * residual[i] * scale_[i];
    }
    active_.errors[slot] = gains_little(active_.row[slot], length * before) ? 0 : error;
    const auto turn = static_cast<float>(error / before);
    for (size_t i = 0; i < size_; ++i) direction[i] = residual[i] * scale_[i] + turn * direction[i];
  }

  /// Of a step that gained so much.
  bool gains_little(size_t row, double gain) {
    Gains& gains = gains_[row];
    gains.all += gain;
    gains.latest[steps_ % kLately] = gain;
    return steps_ >= kLately && gains.lately() < stop_.gain * gains.all;
  }

  /// Puts the last row in the place of one that is done.
  void drop_finished() {
    for (size_t slot = active_.row.size(); slot-- > 0;) {
      if (active_.errors[slot] > active_.goals[slot]) continue;
      const size_t last = active_.row.size() - 1;
      std::copy_n(at(active_.residuals, last), size_, at(active_.residuals, slot));
      std::copy_n(at(active_.directions, last), size_, at(active_.directions, slot));
      active_.row[slot] = active_.row[last];
      active_.errors[slot] = active_.errors[last];
      active_.goals[slot] = active_.goals[last];
      active_.row.pop_back();
      active_.errors.pop_back();
      active_.goals.pop_back();
    }
  }

  const MaskedSystems& systems_;
  size_t size_;
  std::span<float> x_;
  Stop stop_;
  ThreadPool& pool_;
  std::vector<float> scale_;  ///< One over the diagonal.
  Active active_;
  std::vector<Gains> gains_;  ///< By row.
  size_t steps_ = 0;
};

}  // namespace

size_t solve_masked(const MaskedSystems& systems, std::span<const float> right, std::span<float> x,
                    const Stop& stop, ThreadPool& pool, const Control& control) {
  Solver solver(systems, x, stop, pool);
  solver.begin(right);
  while (!solver.done()) {
    control.check();
    solver.step();
  }
  return solver.steps();
}

}  // namespace twofour::algebra

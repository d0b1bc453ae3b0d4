#include "pruning/structured_obs.h"

#include <algorithm>
#include <limits>

#include "algebra/factors.h"
#include "algebra/products.h"
#include "pruning/elimination.h"
#include "pruning/objective.h"

namespace twofour::pruning {
namespace {

/// Inputs of other groups are as good as constant.
void keep_groups(Centred& centred, size_t group, std::span<const int32_t> present) {
  std::vector<uint8_t> there(centred.columns / group);
  for (const int32_t index : present) there[static_cast<size_t>(index)] = 1;
  for (size_t i = 0; i < centred.columns; ++i) {
    if (there[i / group] == 0) centred.dead[i] = 1;
  }
  for (size_t i = 0; i < centred.products.size(); ++i) {
    if (centred.dead[i / centred.columns] != 0 || centred.dead[i % centred.columns] != 0)
      centred.products[i] = 0;
  }
}

/// (C + λ I)⁻¹
std::vector<double> inverse_of(const Centred& centred, double shift, std::string_view name,
                               ThreadPool& pool) {
  const size_t columns = centred.columns;
  std::vector<double> matrix(centred.products.begin(), centred.products.end());
  for (size_t i = 0; i < columns; ++i) {
    matrix[i * columns + i] += shift;
    if (centred.dead[i] != 0 && shift == 0) matrix[i * columns + i] = 1;
  }
  if (algebra::factorise(matrix.data(), columns, columns, pool)) throw_singular(name, centred);
  return algebra::inverse_of_factorised(matrix.data(), columns, columns, pool);
}

/// The weights that all begins with, and what their squared error is.
struct Start {
  std::vector<float> weights;
  double error = 0, energy = 0;
};

/// The linear's own, or where there is a target those that least squares bring nearest to it.
Start start_of(const Linear& linear, const Centred& centred, const Aim& aim, double shift,
               const std::vector<double>& inverse, ThreadPool& pool) {
  const size_t rows = linear.rows, columns = linear.columns;
  Start start{linear.weights, 0, 0};
  if (aim.moments.rows != 0) {
    const std::vector<float> cross = centred_cross(aim.moments, centred, aim.target_row, rows);
    std::vector<double> right(cross.begin(), cross.end()), solved(right.size());
    for (size_t i = 0; i < right.size(); ++i) right[i] += shift * linear.weights[i];
    algebra::add_product(right.data(), columns, inverse.data(), columns, rows, columns, columns, 1.0,
                         solved.data(), columns, pool);
    start.weights.assign(solved.begin(), solved.end());
  }
  for (size_t i = 0; i < start.weights.size(); ++i) {
    if (centred.dead[i % columns] != 0) start.weights[i] = 0;
  }
  const Deviation deviation = deviation_of(start.weights, linear, centred, aim.moments, aim.target_row, pool);
  for (size_t row = 0; row < rows; ++row) {
    start.error += deviation.errors[row];
    start.energy += deviation.energies[row];
  }
  return start;
}

/// Takes groups out one by one.
class Removal {
 public:
  Removal(Elimination& elimination, size_t group, std::span<const int32_t> present, ThreadPool& pool)
      : elimination_(elimination), group_(group), left_(present.begin(), present.end()), pool_(pool) {}

  size_t left() const { return left_.size(); }
  struct Gone {
    int32_t group;
    double cost;
  };
  Gone next() {
    const std::vector<double> costs = costs_now();
    size_t least = 0;
    for (size_t i = 1; i < costs.size(); ++i) {
      if (costs[i] <= costs[least]) least = i;
    }
    const Gone gone{left_[least], costs[least]};
    left_.erase(left_.begin() + static_cast<ptrdiff_t>(least));
    for (size_t i = 0; i < group_; ++i) elimination_.remove(static_cast<size_t>(gone.group) * group_ + i);
    return gone;
  }

 private:
  std::vector<double> costs_now() {
    std::vector<double> costs(left_.size());
    if (group_ == 1) {
      for (size_t i = 0; i < costs.size(); ++i) costs[i] = elimination_.cost(static_cast<size_t>(left_[i]));
      return costs;
    }
    elimination_.settle();
    pool_.run(costs.size(), [&](size_t i, size_t) {
      costs[i] = elimination_.cost(static_cast<size_t>(left_[i]) * group_, group_);
    });
    return costs;
  }

  Elimination& elimination_;
  size_t group_;
  std::vector<int32_t> left_;
  ThreadPool& pool_;
};

}  // namespace

StructuredObs structured_obs(const WeightSource& weight, const WeightSource& bias, const Aim& aim,
                             size_t group, std::span<const int32_t> present, ThreadPool& pool,
                             Control& control) {
  const Linear linear = read_linear(weight, bias);
  Centred centred = centre(aim.moments, pool);
  keep_groups(centred, group, present);
  const double shift = aim.damping * centred.mean_diagonal;
  control.check();
  std::vector<double> inverse = inverse_of(centred, shift, weight.name, pool);
  control.check();
  Start start = start_of(linear, centred, aim, shift, inverse, pool);
  Elimination elimination(std::move(start.weights), std::move(inverse), linear.columns, pool);
  Removal removal(elimination, group, present, pool);

  StructuredObs result;
  double error = start.error;
  while (removal.left() > 0) {
    if (result.order.size() % 16 == 0) control.report(result.order.size(), present.size());
    const auto [gone, cost] = removal.next();
    error += std::max(cost, 0.0);
    result.order.push_back(gone);
    result.errors.push_back(share_of(error, start.energy));
  }
  return result;
}

}  // namespace twofour::pruning

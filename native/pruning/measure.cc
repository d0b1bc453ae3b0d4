#include "pruning/measure.h"

#include <cmath>

namespace twofour::pruning {
namespace {

WeightReport report_of(const WeightSource& source) {
  const std::vector<float> weights = read_floats(source);
  const size_t rows = source.result_rows(), columns = source.result_columns();
  WeightReport report{weights.size(), 0, columns % 4 == 0 && !weights.empty(), -1};
  for (size_t row = 0; row < rows; ++row) {
    const float* line = weights.data() + row * columns;
    size_t in_group = 0;
    for (size_t column = 0; column < columns; ++column) {
      if (column % 4 == 0) in_group = 0;
      in_group += line[column] == 0.0f;
      report.zeros += line[column] == 0.0f;
      if (column % 4 == 3 && in_group < 2 && report.first_offending_row < 0) {
        report.two_of_four = false;
        report.first_offending_row = static_cast<ptrdiff_t>(row);
      }
    }
  }
  return report;
}

std::vector<double> norms_of(const WeightSource& source, Axis axis, size_t group) {
  const size_t rows = source.result_rows(), columns = source.result_columns();
  std::vector<float> weights(rows * columns);
  RowReader(source).finite_floats(0, rows, weights.data());
  std::vector<double> norms((axis == Axis::rows ? rows : columns) / group, 0.0);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) {
      norms[(axis == Axis::rows ? row : column) / group] += std::fabs(weights[row * columns + column]);
    }
  }
  return norms;
}

template <class Result, class Body>
std::vector<Result> for_each_matrix(const std::vector<WeightSource>& matrices, ThreadPool& pool,
                                    Control& control, Body&& body) {
  std::vector<Result> results(matrices.size());
  std::atomic<size_t> done{0};
  pool.run(matrices.size(), [&](size_t index, size_t worker) {
    control.check();
    results[index] = body(matrices[index]);
    ++done;
    if (worker == 0) control.report(done, matrices.size());
  });
  return results;
}

}  // namespace

std::vector<std::vector<double>> group_norms(const std::vector<WeightSource>& matrices, Axis axis,
                                             size_t group, ThreadPool& pool, Control& control) {
  return for_each_matrix<std::vector<double>>(
      matrices, pool, control, [&](const WeightSource& source) { return norms_of(source, axis, group); });
}

std::vector<WeightReport> inspect(const std::vector<WeightSource>& matrices, ThreadPool& pool,
                                  Control& control) {
  return for_each_matrix<WeightReport>(matrices, pool, control, report_of);
}

}  // namespace twofour::pruning

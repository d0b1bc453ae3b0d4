#include <algorithm>
#include <cmath>

#include "pruning/scores.h"

namespace twofour::pruning {

Score lamp(const Scored& matrix) {
  std::vector<float> sorted(matrix.source.stored_elements());
  RowReader(matrix.source).finite_floats(0, matrix.source.stored_rows(), sorted.data());
  for (float& weight : sorted) weight = std::fabs(weight);
  std::ranges::sort(sorted);
  // Σw² from each place on.
  std::vector<double> sums(sorted.size());
  double sum = 0;
  for (size_t i = sorted.size(); i-- > 0;) sums[i] = sum += static_cast<double>(sorted[i]) * sorted[i];
  return [sorted = std::move(sorted), sums = std::move(sums)](size_t, std::span<float> weights) {
    for (float& weight : weights) {
      const float size = std::fabs(weight);
      const auto place = std::ranges::lower_bound(sorted, size) - sorted.begin();
      const double square = static_cast<double>(size) * size;
      weight = size == 0 ? 0.0f : static_cast<float>(square / sums[static_cast<size_t>(place)]);
    }
  };
}

}  // namespace twofour::pruning

#include "backend/backend.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace twofour {

MatrixSource matrix_in(std::span<const float> values, size_t rows, size_t columns) {
  return {rows, columns, [=](size_t first, size_t count, float* out) {
            std::copy_n(values.data() + first * columns, count * columns, out);
          }};
}

float largest_of(std::span<const float> values) {
  float most = 0;
  for (const float x : values) {
    if (!std::isfinite(x)) return std::numeric_limits<float>::quiet_NaN();
    most = std::max(most, std::fabs(x));
  }
  return most;
}

float Backend::largest(const Activations& in) {
  std::vector<float> values(in.tokens() * in.width());
  download(in, values);
  return largest_of(values);
}

}  // namespace twofour

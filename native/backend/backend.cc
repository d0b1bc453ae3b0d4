#include "backend/backend.h"

#include <algorithm>

namespace twofour {

MatrixSource matrix_in(std::span<const float> values, size_t rows, size_t columns) {
  return {rows, columns, [=](size_t first, size_t count, float* out) {
            std::copy_n(values.data() + first * columns, count * columns, out);
          }};
}

}  // namespace twofour

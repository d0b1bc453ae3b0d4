#include "engine/relative_bias.h"

#include <algorithm>
#include <cmath>

namespace twofour {

size_t relative_bucket(int64_t key_minus_query, size_t buckets, size_t max_distance) {
  const size_t half = buckets / 2, exact = half / 2;
  const size_t side = key_minus_query > 0 ? half : 0;
  const auto distance = static_cast<size_t>(key_minus_query < 0 ? -key_minus_query : key_minus_query);
  if (distance < exact) return side + distance;
  const float ratio =
      std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
      static_cast<float>(std::log(static_cast<double>(max_distance) / static_cast<double>(exact)));
  const auto steps = static_cast<size_t>(ratio * static_cast<float>(half - exact));
  return side + std::min(exact + steps, half - 1);
}

std::vector<float> bias_by_distance(std::span<const float> bucketed, size_t original_heads,
                                    std::span<const int32_t> heads, size_t buckets, size_t max_distance,
                                    size_t span) {
  const size_t width = span == 0 ? 0 : 2 * span - 1;
  std::vector<float> bias(heads.size() * width);
  for (size_t column = 0; column < width; ++column) {
    const int64_t distance = static_cast<int64_t>(column) - static_cast<int64_t>(span - 1);
    const size_t bucket = relative_bucket(distance, buckets, max_distance);
    for (size_t h = 0; h < heads.size(); ++h) {
      bias[h * width + column] = bucketed[bucket * original_heads + static_cast<size_t>(heads[h])];
    }
  }
  return bias;
}

}  // namespace twofour

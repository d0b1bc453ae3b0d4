#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace twofour {

/// T5's bucket of a distance (Raffel et al. 2020, as MPNet uses it): half of the buckets for keys after the
/// query; exact for the nearest, then logarithmic up to `max_distance`. Computed in fp32 like the reference,
/// because the logarithm decides which side of a border a distance falls on.
size_t relative_bucket(int64_t key_minus_query, size_t buckets, size_t max_distance);

/// Bucketed bias [buckets, original_heads] → by distance [heads, 2·span − 1], for Backend::attention.
std::vector<float> bias_by_distance(std::span<const float> bucketed, size_t original_heads,
                                    std::span<const int32_t> heads, size_t buckets, size_t max_distance,
                                    size_t span);

}  // namespace twofour

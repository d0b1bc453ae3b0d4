#include "cuda/token_class.h"

#include <algorithm>
#include <utility>

#include "cuda/buckets.h"

namespace twofour::cuda {
namespace {

/// Upper bounds; the last also serves what is beyond.
constexpr size_t kBounds[] = {64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};

size_t distance(size_t a, size_t b) { return a < b ? b - a : a - b; }

/// Most tokens first: there one of few is measured too, where both are computed in other sizes.
std::vector<TokenClass::End> ends_of(size_t fewest, size_t most, bool compares) {
  const bool same = capacity_of(fewest) == capacity_of(most);
  // A sparse product computes the same for both, and a dense one less for fewer.
  if (same && compares) return {{fewest}};
  if (same) return {{dense_rows_of(most)}};
  if (compares) return {{most}, {fewest}};
  return {{dense_rows_of(most)}, {dense_rows_of(fewest)}};
}

}  // namespace

bool TokenClass::is_known() const {
  const auto has_found = [](const End& end) { return end.found.has_value(); };
  return !ends.empty() && std::all_of(ends.begin(), ends.end(), has_found);
}

const Found* TokenClass::nearest(size_t tokens) const {
  const End* best = nullptr;
  for (const End& end : ends) {
    if (!end.found) continue;
    if (best == nullptr || distance(end.tokens, tokens) < distance(best->tokens, tokens)) best = &end;
  }
  return best == nullptr ? nullptr : &*best->found;
}

const Found* TokenClass::decisive() const {
  if (!is_known()) return nullptr;
  const auto gain = [](const End& end) { return std::pair(end.found->sparse_wins, end.found->ratio()); };
  const auto least = std::min_element(ends.begin(), ends.end(),
                                      [&](const End& a, const End& b) { return gain(a) < gain(b); });
  return &*least->found;
}

std::vector<TokenClass> token_classes(size_t most_tokens, bool compares) {
  std::vector<TokenClass> classes;
  for (const size_t bound : kBounds) {
    const size_t fewest = bound / 2 + 1, most = std::max(std::min(bound, most_tokens), fewest);
    classes.push_back({.bound = bound, .is_open = false, .ends = ends_of(fewest, most, compares)});
    if (bound >= most_tokens) break;
  }
  classes.back().is_open = true;
  return classes;
}

}  // namespace twofour::cuda

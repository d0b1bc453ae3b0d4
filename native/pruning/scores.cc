#include "pruning/scores.h"

#include <cmath>
#include <string>

#include "base/error.h"

namespace twofour::pruning {
namespace {

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014): a bijection whose output bits all depend on all
/// input bits, so that a counter becomes a random sequence that can be entered anywhere.
uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// |w|
Score magnitude(const Scored&) {
  return [](size_t, std::span<float> weights) {
    for (float& weight : weights) weight = std::fabs(weight);
  };
}

/// Uniform.
Score random(const Scored& matrix) {
  return [draw = matrix.draw](size_t begin, std::span<float> weights) {
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = random_at(draw, begin + i);
  };
}

struct Row {
  std::string_view name;
  Score (*score)(const Scored& matrix);
};

constexpr Row kScores[] = {
    {"magnitude", magnitude}, {"random", random}, {"lamp", lamp}, {"wanda", wanda}, {"ria", ria},
};

}  // namespace

float random_at(const Draw& draw, uint64_t index) {
  const uint64_t sequence = mixed(mixed(mixed(draw.seed) ^ draw.stream) ^ draw.matrix);
  return static_cast<float>(mixed(sequence ^ index) >> 40) * 0x1p-24f;
}

Score score_named(std::string_view name, const Scored& matrix) {
  for (const Row& row : kScores) {
    if (row.name == name) return row.score(matrix);
  }
  throw Error("INTERNAL", "Unknown score " + std::string(name) + " crossed the binding.");
}

}  // namespace twofour::pruning

#include "cuda/found.h"

#include <cinttypes>
#include <cstdio>

namespace twofour::cuda {
namespace {

std::string named(const SparseAlgorithm& algorithm) {
  std::string name = "Sparse (algorithm " + std::to_string(algorithm.id);
  if (algorithm.split_k > 1) name += ", sum split in " + std::to_string(algorithm.split_k);
  if (algorithm.split_k_mode != CUSPARSELT_INVALID_MODE)
    name += ", split mode " + std::to_string(algorithm.split_k_mode);
  return name + ")";
}

std::string factor(double times) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ×", times);
  return text;
}

template <class... Values>
std::string printed(const char* format, Values... values) {
  char text[160];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

/// FNV-1a.
std::string checksum(const std::string& text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return printed("%08" PRIx32, hash);
}

}  // namespace

std::string Found::sentence() const {
  std::string at = ", measured at " + std::to_string(tokens) + (tokens == 1 ? " token" : " tokens");
  if (!sparse_us)
    return "Of cuBLASLt's algorithms for it number " + std::to_string(place) + " of " +
           std::to_string(candidates) + " is the fastest" + at + ".";
  if (warm_ratio) at += ": with warm caches " + factor(*warm_ratio);
  const std::string verdict = sparse_wins    ? " is faster by " + factor(ratio())
                              : ratio() >= 1 ? " is not faster by more than the spread"
                                             : " is slower by " + factor(1 / ratio());
  return named(sparse_algorithm) + verdict + at + ".";
}

std::string Found::algorithm() const {
  std::string text = printed("dense %zu of %zu ", place, candidates);
  for (const uint64_t word : dense_algorithm.words) text += printed("%016" PRIx64, word);
  if (sparse_us)
    text += printed(", sparse %d split %d mode %d, %s wins", sparse_algorithm.id, sparse_algorithm.split_k,
                    sparse_algorithm.split_k_mode, sparse_wins ? "sparse" : "dense");
  return text + " #" + checksum(text);
}

std::optional<Found> Found::from(const std::string& algorithm) {
  const size_t end = algorithm.rfind(" #");
  if (end == std::string::npos || algorithm.substr(end + 2) != checksum(algorithm.substr(0, end)))
    return std::nullopt;
  Found found{};
  int at = 0;
  if (std::sscanf(algorithm.c_str(), "dense %zu of %zu %n", &found.place, &found.candidates, &at) != 2)
    return std::nullopt;
  for (uint64_t& word : found.dense_algorithm.words) {
    if (std::sscanf(algorithm.c_str() + at, "%16" SCNx64, &word) != 1) return std::nullopt;
    at += 16;
  }
  char verdict[8] = {};
  SparseAlgorithm& sparse = found.sparse_algorithm;
  if (std::sscanf(algorithm.c_str() + at, ", sparse %d split %d mode %d, %7s wins", &sparse.id,
                  &sparse.split_k, &sparse.split_k_mode, verdict) == 4)
    found.sparse_wins = std::string_view(verdict) == "sparse";
  return found;
}

}  // namespace twofour::cuda

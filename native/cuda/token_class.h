#pragma once
#include <string>
#include <vector>

#include "cuda/found.h"

namespace twofour::cuda {

/// What runs for a range of token counts, by what was measured at its ends.
struct TokenClass {
  struct End {
    size_t tokens;
    std::optional<Found> found{};
  };
  size_t bound = 0;     ///< The most tokens.
  bool is_open = true;  ///< Serves more, too.
  bool sparse = false;
  std::vector<End> ends{};  ///< Empty: nothing of it is ever measured.
  std::string reason{};

  /// Its bound, unless it serves more.
  std::optional<size_t> most() const { return is_open ? std::nullopt : std::optional(bound); }
  bool is_known() const;
  /// Of the end that is nearer to `tokens`. Null: it was not measured.
  const Found* nearest(size_t tokens) const;
  /// The end that decided: where the sparse form gains least; of a dense form alone, the one of most tokens.
  /// Null: not both were measured.
  const Found* decisive() const;
};

/// Of a list that ends with an open one. `Class` is a TokenClass.
template <class Class>
const Class& class_of(const std::vector<Class>& classes, size_t tokens) {
  for (const Class& one : classes) {
    if (one.is_open || tokens <= one.bound) return one;
  }
  return classes.back();
}

/// Classes for up to `most_tokens` tokens, the last open. Where two forms are compared they are measured at
/// numbers of tokens, else at the rows that a dense product computes for them.
std::vector<TokenClass> token_classes(size_t most_tokens, bool compares);

}  // namespace twofour::cuda

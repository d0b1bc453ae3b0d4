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

  bool is_known() const;
  /// Of the end that is nearer to `tokens`. Null: it was not measured.
  const Found* nearest(size_t tokens) const;
  /// The end that decided: where the sparse form gains least; of a dense form alone, the one of most tokens.
  /// Null: not both were measured.
  const Found* decisive() const;
};

/// Classes for up to `most_tokens` tokens, the last open. With a sparse form they are measured at numbers of
/// tokens, else at the rows that a dense product computes for them.
std::vector<TokenClass> token_classes(size_t most_tokens, bool has_sparse);

}  // namespace twofour::cuda

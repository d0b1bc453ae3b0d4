#pragma once
#include <optional>
#include <string>
#include <vector>

#include "products.h"

namespace probe {

/// What twofour decided for a matrix up to a number of tokens, and the epilogue that it decided for.
struct Choice {
  std::string dtype;
  size_t rows, columns, bound;
  bool residual;
  std::string dense_algorithm;  ///< As cuBLASLt writes it down: its words, 16 hexadecimal digits each.
  Algorithm sparse_algorithm;
  bool sparse;
};

/// Lines of a text file: dtype rows columns bound residual|none dense-algorithm id split mode sparse|dense.
/// No name: none.
std::vector<Choice> read_choices(const std::string& file);
/// Of the smallest bound that holds the tokens; beyond all, of the largest.
std::optional<Choice> choice_for(const std::vector<Choice>& choices, const Problem& problem);

}  // namespace probe

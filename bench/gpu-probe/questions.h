#pragma once
#include <string>
#include <vector>

#include "products.h"

namespace probe {

/// From the command line.
struct Settings {
  std::string cublaslt, cusparselt;
  std::vector<Number> dtypes;
  /// [rows, columns] of matrices.
  std::vector<std::pair<size_t, size_t>> shapes;
  std::vector<size_t> tokens;
  /// What the plugin chose, a file; see sweep.cc.
  std::string choices;
  int rounds = 15;
  double seconds = 60;
  /// How long a product is repeated for its power, and at how many tokens.
  double sustain = 0;
  size_t sustain_tokens = 16384;
};

/// Each prints JSON lines; what a library refuses is in them.
void ask_ceilings(const Session& session, const Settings& settings);
void ask_epilogues(const Session& session, const Settings& settings);
void ask_buffers(const Session& session, const Settings& settings);
void ask_graphs(const Session& session, const Settings& settings);
void ask_repeatability(const Session& session, const Settings& settings);
void ask_threads(const Session& session, const Settings& settings);
void ask_half_sums(const Session& session, const Settings& settings);
void sweep(const Session& session, const Settings& settings);

}  // namespace probe

#pragma once
#include <optional>

#include "emulation/tests/plugin/parts.h"

namespace twofour::emulation {

/// A model is loaded, runs, and goes, while failures come. What fails is done once more.
struct Attempt {
  std::vector<PluginFailure> failures;
  /// A second failure of the same thing, or wrong numbers.
  std::string wrong;
};
Attempt attempt(const ModelSettings& settings, const std::vector<Question>& questions);

}  // namespace twofour::emulation

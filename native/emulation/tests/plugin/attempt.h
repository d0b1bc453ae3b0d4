#pragma once
#include <functional>
#include <optional>

#include "emulation/tests/plugin/parts.h"

namespace twofour::emulation {

/// A model is loaded, runs, and goes, while failures come. What fails is done once more.
struct Attempt {
  std::vector<PluginFailure> failures;
  /// A second failure of the same thing, or wrong numbers.
  std::string wrong;
};
/// `fail` asks for the failures: before the model is loaded, or before it runs.
enum class Phase { loading, running };
Attempt attempt(const ModelSettings& settings, const std::vector<Question>& questions, Phase phase,
                const std::function<void()>& fail);

}  // namespace twofour::emulation

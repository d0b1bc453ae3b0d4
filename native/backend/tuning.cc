#include "backend/tuning.h"

#include <algorithm>
#include <tuple>

namespace twofour {

std::optional<Measurement> Tuning::find(const Measurement& wanted) const {
  const auto key = [](const Measurement& m) {
    return std::tie(m.rows, m.columns, m.kept, m.dense, m.sparse, m.tokens, m.epilogue);
  };
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const Measurement& m) { return key(m) == key(wanted); });
  return found == all_.end() ? std::nullopt : std::optional(*found);
}

void Tuning::add(const Measurement& measured, double seconds) {
  all_.push_back(measured);
  budget_ -= seconds;
}

}  // namespace twofour

#pragma once
#include "backend/backend.h"

namespace twofour {

/// Looks on while a pass runs: is told of every linear before it does, with inputs that are also stored as
/// plain rows.
class Watch {
 public:
  virtual ~Watch() = default;
  virtual void before(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue) = 0;
};

}  // namespace twofour

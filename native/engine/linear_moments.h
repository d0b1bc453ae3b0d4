#pragma once
#include "backend/backend.h"
#include "base/moments.h"

namespace twofour {

/// Moments over y = W d + b, of those over d: linear algebra over [columns, columns] instead of a pass over
/// the outputs of all tokens. `pairs` has d as its target, `dense` are full moments of d alone; both are over
/// the same tokens. `linear` is packed dense in fp32.
Moments moments_through(const PackedLinear& linear, Moments pairs, const Moments& dense, Backend& backend);

/// `more` is of the same kind.
void add_moments(Moments& to, const Moments& more);

}  // namespace twofour

#pragma once
#include "base/control.h"
#include "engine/encoder.h"

namespace twofour {

/// A product that is faster alone may lose inside a pass (its input's storage, what it leaves in caches, the
/// clock that it pulls down). For each class of token counts in which some matrix chose a sparse form, times
/// whole passes with and without, in turn, and lets the class run dense where the pass was not faster; then
/// lets every matrix free what it does not run. Not bounded by the tuning's budget: a choice that is not
/// confirmed is none. Throws what runs throw, and Cancelled.
void confirm_choices(const Encoder& encoder, Backend& backend, Control& control);

}  // namespace twofour

#pragma once
#include "emulation/tests/checks.h"

namespace twofour::emulation {

/// Every kernel of native/cuda/kernels against the plain backend's verbs, in every word, at odd sizes and
/// under each order of warps.
void check_norms(Checks& checks);
void check_products(Checks& checks);
void check_copies(Checks& checks);
void check_pooling(Checks& checks);
void check_quantised(Checks& checks);
void check_attention(Checks& checks);

}  // namespace twofour::emulation

#pragma once
#include <vector>

#include "engine/spec.h"
#include "engine/weights.h"

namespace twofour {

/// How the forward pass runs each linear of the layers: see Forward::layer. The others are float32, which is
/// not tuned.
std::vector<LinearUse> uses_of(const EncoderSpec& spec, const EncoderWeights& weights);

}  // namespace twofour

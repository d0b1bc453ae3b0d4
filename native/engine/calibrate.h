#pragma once
#include <map>
#include <string>

#include "base/control.h"
#include "engine/encoder.h"

namespace twofour {

/// Runs the settings' sample with a scale for each token, and lets every 8-bit linear choose how to scale its
/// inputs from what went into it. Then measures both ways' errors, on rows drawn evenly from the sample,
/// against the same linear in float32, which is read once more. By the linears' names. Throws what runs
/// throw, and Cancelled.
std::map<std::string, Calibrated> calibrate(const Encoder& encoder, const WeightSources& sources,
                                            const PackSettings& settings, Backend& backend, Control& control);

}  // namespace twofour

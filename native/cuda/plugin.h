#pragma once
#include "backend/plugin.h"

/// The one symbol of the shared library. Null where `version` is not plugin::kVersion.
extern "C" __attribute__((visibility("default"))) const twofour::plugin::Functions* twofour_cuda_plugin(
    uint32_t version);

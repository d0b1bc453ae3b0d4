#pragma once
#include <cstdint>
#include <memory>

#include "backend/backend.h"
#include "backend/plugin.h"

namespace twofour::node {

/// The contract over a plugin's functions, which outlive it. `index` counts the plugin's devices.
/// Throws Error with the plugin's code and sentence, as every verb does.
std::unique_ptr<Backend> make_plugin_backend(const plugin::Functions& functions, int32_t index,
                                             const plugin::LibraryPaths& paths);

}  // namespace twofour::node

#pragma once
#include <cstdint>
#include <memory>

#include "backend/backend.h"
#include "backend/plugin.h"

namespace twofour::node {

/// The contract over a plugin's functions, which outlive it, on a device that other backends may use too.
/// Throws Error with the plugin's code and sentence, as every verb does.
std::unique_ptr<Backend> make_plugin_backend(const plugin::Functions& functions,
                                             std::shared_ptr<plugin::Device> device);

}  // namespace twofour::node

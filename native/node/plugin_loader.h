#pragma once
#include <string>

#include "backend/plugin.h"

namespace twofour::node {

/// The CUDA plugin, or the sentence why it is not there. That it is absent is an answer, not an error.
struct LoadedPlugin {
  const plugin::Functions* functions = nullptr;  ///< Lives as long as the process.
  std::string file;                              ///< What was opened, or would have been.
  std::string code, reason;                      ///< CUDA_PLUGIN_MISSING or CUDA_PLUGIN_REFUSED, where null.
};

/// Opens the file that TWOFOUR_CUDA_PLUGIN names, else libtwofour_cuda.so beside the addon. Never closed: the
/// CUDA runtime inside has threads and exit handlers of its own. Any thread; cheap when it is open.
LoadedPlugin load_plugin();

}  // namespace twofour::node

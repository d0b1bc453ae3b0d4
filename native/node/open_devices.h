#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

#include "backend/plugin.h"
#include "node/plugin_report.h"

namespace twofour::node {

/// What an environment has open of a plugin's devices. The encoders on one device share its handles, streams
/// and memory, which are there as long as one of them is. Any thread may ask; who asks for one device is
/// always the same thread.
class OpenDevices {
 public:
  /// Opens it where it is not. Other libraries are another opening, because who names them (they may have
  /// been installed a moment ago) wants to be told of those. Throws Error with the plugin's code and
  /// sentence.
  std::shared_ptr<plugin::Device> at(const plugin::Functions& functions, int32_t index,
                                     const CudaLibraries& libraries);

 private:
  using Key = std::tuple<const plugin::Functions*, int32_t, std::string, std::string>;
  std::mutex mutex_;
  std::map<Key, std::weak_ptr<plugin::Device>> devices_;
};

}  // namespace twofour::node

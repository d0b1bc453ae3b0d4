#include "node/open_devices.h"

#include "node/plugin_call.h"

namespace twofour::node {

std::shared_ptr<plugin::Device> OpenDevices::at(const plugin::Functions& functions, int32_t index,
                                                const CudaLibraries& libraries) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<plugin::Device>& place =
      devices_[{&functions, index, libraries.cublaslt, libraries.cusparselt}];
  if (std::shared_ptr<plugin::Device> open = place.lock()) return open;
  const plugin::LibraryPaths paths = libraries.view();
  plugin::Device* device = nullptr;
  call(functions.open, index, &paths, &device);
  const std::shared_ptr<plugin::Device> opened(device, functions.close);
  place = opened;
  return opened;
}

}  // namespace twofour::node

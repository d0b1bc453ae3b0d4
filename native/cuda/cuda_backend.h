#pragma once
#include <memory>
#include <string>

#include "backend/backend.h"

namespace twofour::cuda {

struct DeviceSettings {
  int index = 0;
  /// Files to open, or names left to the loader; empty: none was found.
  std::string cublaslt, cusparselt;
};

/// In halves, because work cannot cross the plugin's door as a function.
class TimedBackend : public Backend {
 public:
  virtual void start_clock() = 0;
  /// Waits. Seconds on the device since `start_clock`.
  virtual double stop_clock() = 0;
};

/// A backend on one CUDA device that check_device has passed. Throws Error DEVICE_UNAVAILABLE where cuBLASLt
/// cannot be used; without cuSPARSELt everything runs dense, and says why.
std::unique_ptr<TimedBackend> make_cuda_backend(const DeviceSettings& settings);

}  // namespace twofour::cuda

#pragma once
#include <memory>

#include "backend/backend.h"
#include "cuda/shared_device.h"

namespace twofour::cuda {

/// In halves, because work cannot cross the plugin's door as a function.
class TimedBackend : public Backend {
 public:
  virtual void start_clock() = 0;
  /// Waits. Seconds on the device since `start_clock`.
  virtual double stop_clock() = 0;
};

/// A backend for one encoder. `device` is borrowed. Throws Error CUDA_DEVICE_LOST.
std::unique_ptr<TimedBackend> make_cuda_backend(SharedDevice& device);

}  // namespace twofour::cuda

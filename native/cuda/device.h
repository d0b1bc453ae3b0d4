#pragma once
#include <cstdint>
#include <string>

/// What stands between this process and a CUDA device, as codes and sentences.
namespace twofour::cuda {

/// Both empty: nothing stands in the way.
struct Obstacle {
  const char* code = "";
  std::string reason;
};

struct DriverInfo {
  int runtime_version = 0;  ///< 13000 is 13.0.
  int driver_version = 0;   ///< The newest runtime that it serves; 0: there is none.
  std::string minimum_driver;
  Obstacle obstacle;  ///< CUDA_DRIVER_MISSING, …_TOO_OLD, …_FAILED or CUDA_DEVICE_MISSING.
  int devices = 0;    ///< 0 where there is an obstacle.
};

struct DeviceInfo {
  int index = 0;
  std::string name;
  int major = 0, minor = 0;  ///< Compute capability.
  uint64_t memory = 0;
  Obstacle obstacle;  ///< CUDA_DEVICE_TOO_OLD or CUDA_DEVICE_FAILED.
};

/// Neither throws. Looking at a driver makes no context, so it takes no device memory.
DriverInfo look_at_driver();
DeviceInfo look_at_device(int index);

/// Throws Error DEVICE_UNAVAILABLE with the reason where the device cannot be used.
void check_device(int index);

}  // namespace twofour::cuda

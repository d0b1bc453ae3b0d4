#include "cuda/device.h"

#include <cuda_runtime.h>

#include "base/error.h"
#include "cuda/status.h"

namespace twofour::cuda {
namespace {

/// The oldest driver that serves every runtime of a major version (NVIDIA's minor version compatibility).
std::string minimum_driver_of(int runtime_version) {
  switch (runtime_version / 1000) {
    case 13:
      return "580";
    case 12:
      return "525";
    default:
      return "";
  }
}

std::string dotted(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string said(cudaError_t status) {
  return std::string(cudaGetErrorName(status)) + ", " + cudaGetErrorString(status);
}

Obstacle missing_driver(const DriverInfo& info) {
  return {"CUDA_DRIVER_MISSING", "No NVIDIA driver was found, so there is no CUDA device. Install driver " +
                                     info.minimum_driver +
                                     " or newer; in a container, start it with access to the GPU."};
}

Obstacle old_driver(const DriverInfo& info) {
  return {"CUDA_DRIVER_TOO_OLD", "The NVIDIA driver serves CUDA up to " + dotted(info.driver_version) +
                                     ", and twofour's plugin needs " + dotted(info.runtime_version) +
                                     ". Install driver " + info.minimum_driver + " or newer."};
}

Obstacle obstacle_of(cudaError_t status, const DriverInfo& info) {
  switch (status) {
    case cudaErrorInsufficientDriver:
      return info.driver_version == 0 ? missing_driver(info) : old_driver(info);
    case cudaErrorNoDevice:
      return {
          "CUDA_DEVICE_MISSING",
          "The NVIDIA driver sees no GPU. Look at `nvidia-smi`, and at CUDA_VISIBLE_DEVICES if it is set."};
    case cudaErrorSystemDriverMismatch:
      return {"CUDA_DRIVER_FAILED",
              "The NVIDIA driver's kernel module and its library are of different versions (" + said(status) +
                  "). Restart the machine after an update of the driver."};
    default:
      if (is_lost(status))
        return {"CUDA_DEVICE_LOST", "A CUDA device was lost (" + said(status) +
                                        "), and this process can use none any more; start a new one."};
      return {"CUDA_DRIVER_FAILED",
              "The NVIDIA driver does not start: " + said(status) + ". Look at `nvidia-smi`."};
  }
}

}  // namespace

DriverInfo look_at_driver() {
  DriverInfo info;
  cudaRuntimeGetVersion(&info.runtime_version);
  info.minimum_driver = minimum_driver_of(info.runtime_version);
  cudaDriverGetVersion(&info.driver_version);
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  cudaGetLastError();  // Else the next launch would report this one.
  if (info.driver_version == 0) {
    info.obstacle = missing_driver(info);
  } else if (info.driver_version / 1000 < info.runtime_version / 1000) {
    info.obstacle = old_driver(info);
  } else if (status != cudaSuccess || count == 0) {
    info.obstacle = obstacle_of(status == cudaSuccess ? cudaErrorNoDevice : status, info);
  } else {
    info.devices = count;
  }
  return info;
}

DeviceInfo look_at_device(int index) {
  DeviceInfo info;
  info.index = index;
  cudaDeviceProp properties;
  const cudaError_t status = cudaGetDeviceProperties(&properties, index);
  if (status != cudaSuccess) {
    cudaGetLastError();
    info.name = "CUDA device " + std::to_string(index);
    info.obstacle = {"CUDA_DEVICE_FAILED", info.name + " does not answer: " + said(status) + "."};
    return info;
  }
  info.name = properties.name;
  info.major = properties.major;
  info.minor = properties.minor;
  info.memory = properties.totalGlobalMem;
  if (info.major < 8) {
    info.obstacle = {"CUDA_DEVICE_TOO_OLD",
                     info.name + " has compute capability " + std::to_string(info.major) + "." +
                         std::to_string(info.minor) +
                         "; twofour needs 8.0 or newer (A100, RTX 30 and later), whose tensor cores do 2:4."};
  }
  return info;
}

void check_device(int index) {
  const DriverInfo driver = look_at_driver();
  const auto refuse = [](const std::string& reason) { throw Error("DEVICE_UNAVAILABLE", reason); };
  if (std::string_view(driver.obstacle.code) == "CUDA_DEVICE_LOST")
    throw Error(driver.obstacle.code, driver.obstacle.reason);
  if (driver.devices == 0) refuse(driver.obstacle.reason);
  if (index < 0 || index >= driver.devices)
    refuse("There is no CUDA device " + std::to_string(index) + ": devices count from 0 to " +
           std::to_string(driver.devices - 1) + ".");
  const DeviceInfo device = look_at_device(index);
  if (!device.obstacle.reason.empty()) refuse(device.obstacle.reason);
}

}  // namespace twofour::cuda

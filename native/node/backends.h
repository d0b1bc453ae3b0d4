#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/thread_pool.h"
#include "node/open_devices.h"

namespace twofour::node {

/// Names that make_backend knows and can make here: 'cuda' only where the plugin finds a device.
std::vector<std::string> backend_names();

/// Instruction sets that the CPU backend can run here, best first, and the one it takes.
struct CpuIsas {
  std::vector<std::string> supported;
  std::string chosen;
};

/// Throws Error DEVICE_UNAVAILABLE when TWOFOUR_ISA names one that this machine cannot run.
CpuIsas cpu_isas();

/// The lane of all that the host computes or reads.
inline constexpr const char* kCpuLane = "cpu";
/// The lane of what a backend of this name computes: kCpuLane, or the device's own ('cuda:1').
std::string lane_of(const std::string& name);

/// The only place that names concrete backends. `pool` must outlive the backend; null where the lane is not
/// the CPU's, whose alone it is. 'cuda' and 'cuda:N' are the plugin's, with `libraries`, and share what
/// `devices` has open. Throws Error DEVICE_UNAVAILABLE with the reason.
std::unique_ptr<Backend> make_backend(const std::string& name, ThreadPool* pool,
                                      const CudaLibraries& libraries, OpenDevices& devices);

}  // namespace twofour::node

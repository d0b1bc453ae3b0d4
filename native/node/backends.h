#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/thread_pool.h"
#include "node/plugin_report.h"

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

/// The only place that names concrete backends. `pool` must outlive the backend. 'cuda' and 'cuda:N' are the
/// plugin's, with `libraries`. Throws Error DEVICE_UNAVAILABLE with the reason.
std::unique_ptr<Backend> make_backend(const std::string& name, ThreadPool& pool,
                                      const CudaLibraries& libraries);

}  // namespace twofour::node

#pragma once
#include <cstddef>
#include <optional>

namespace twofour {

/// What limits the threads of this process, each read from the system when asked.
struct CpuCount {
  size_t physical_cores;               ///< Distinct cores of the machine; its logical ones where unknown.
  size_t affinity;                     ///< Logical cores this process may run on.
  std::optional<double> cgroup_quota;  ///< Cores' worth of time the container may use.

  /// The least of the three, at least 1.
  size_t usable() const;
};

CpuCount count_cpus();

}  // namespace twofour

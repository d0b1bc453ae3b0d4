#include "base/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace twofour {
namespace {

size_t logical_cores() { return std::max(1u, std::thread::hardware_concurrency()); }

size_t physical_cores() {
  std::set<std::pair<int, int>> cores;
  for (int cpu = 0; cpu < 4096; ++cpu) {
    const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    std::ifstream package(topology + "physical_package_id"), core(topology + "core_id");
    int package_id = 0, core_id = 0;
    if (!(package >> package_id) || !(core >> core_id)) break;
    cores.emplace(package_id, core_id);
  }
  return cores.empty() ? logical_cores() : cores.size();
}

size_t affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Fails on machines with more processors than the fixed set holds; then nothing narrower is known.
  if (sched_getaffinity(0, sizeof set, &set) != 0) return logical_cores();
  return std::max(1, CPU_COUNT(&set));
}

std::optional<double> quota_of_group(const std::string& folder) {
  std::ifstream v2(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (v2 >> quota >> period) {
    if (quota == "max" || period <= 0) return std::nullopt;
    return std::stod(quota) / period;
  }
  std::ifstream v1_quota(folder + "/cpu.cfs_quota_us"), v1_period(folder + "/cpu.cfs_period_us");
  double limit = 0;
  if (v1_quota >> limit && v1_period >> period && limit > 0 && period > 0) return limit / period;
  return std::nullopt;
}

/// The least quota on the way from this process's group to the root; a container sees its own as the root.
std::optional<double> cgroup_quota() {
  std::optional<double> least;
  const auto consider = [&](const std::string& folder) {
    if (const auto quota = quota_of_group(folder)) least = std::min(least.value_or(*quota), *quota);
  };
  consider("/sys/fs/cgroup");
  consider("/sys/fs/cgroup/cpu");
  std::ifstream own("/proc/self/cgroup");
  for (std::string line; std::getline(own, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers.find("cpu") == std::string::npos) continue;
    const std::string root = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    for (std::string path = line.substr(second + 1); path.size() > 1; path.resize(path.rfind('/'))) {
      consider(root + path);
    }
  }
  return least;
}

}  // namespace

size_t CpuCount::usable() const {
  const size_t quota = cgroup_quota ? std::max<size_t>(1, static_cast<size_t>(*cgroup_quota)) : affinity;
  return std::max<size_t>(1, std::min({physical_cores, affinity, quota}));
}

CpuCount count_cpus() { return {physical_cores(), affinity(), cgroup_quota()}; }

}  // namespace twofour

#include "node/backends.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "cpu/cpu_backend.h"
#include "node/plugin_backend.h"
#include "node/plugin_loader.h"
#include "plain/plain_backend.h"

namespace twofour::node {
namespace {

struct Row {
  const char* name;
  std::unique_ptr<Backend> (*make)(ThreadPool& pool);
};

constexpr Row kBackends[] = {
    {"cpu", [](ThreadPool& pool) { return cpu::make_cpu_backend(pool); }},
    {"plain", [](ThreadPool&) { return plain::make_plain_backend(); }},
};

constexpr std::string_view kCuda = "cuda";

/// The device that 'cuda' or 'cuda:N' means; nullopt for another name.
std::optional<int32_t> cuda_index(std::string_view name) {
  if (!name.starts_with(kCuda)) return std::nullopt;
  const std::string_view rest = name.substr(kCuda.size());
  if (rest.empty()) return 0;
  int32_t index = 0;
  const char* const end = rest.data() + rest.size();
  const auto [stop, error] = std::from_chars(rest.data() + 1, end, index);
  const bool whole = rest[0] == ':' && stop == end && error == std::errc();
  return whole ? std::optional(index) : std::nullopt;
}

std::unique_ptr<Backend> make_cuda(int32_t index, const CudaLibraries& libraries, OpenDevices& devices) {
  const LoadedPlugin plugin = load_plugin();
  if (plugin.functions == nullptr) throw Error("DEVICE_UNAVAILABLE", plugin.reason);
  return make_plugin_backend(*plugin.functions, devices.at(*plugin.functions, index, libraries));
}

bool has_cuda_device() {
  const LoadedPlugin plugin = load_plugin();
  if (plugin.functions == nullptr) return false;
  const CudaReport report = report_of(*plugin.functions, std::nullopt);
  return std::ranges::any_of(report.devices, &CudaReport::Device::available);
}

}  // namespace

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const Row& row : kBackends) names.emplace_back(row.name);
  if (has_cuda_device()) names.emplace_back(kCuda);
  return names;
}

CpuIsas cpu_isas() { return {cpu::supported_isas(), cpu::chosen_isa()}; }

std::string lane_of(const std::string& name) {
  const auto index = cuda_index(name);
  return index ? std::string(kCuda) + ":" + std::to_string(*index) : kCpuLane;
}

std::unique_ptr<Backend> make_backend(const std::string& name, ThreadPool* pool,
                                      const CudaLibraries& libraries, OpenDevices& devices) {
  for (const Row& row : kBackends) {
    if (name == row.name) return row.make(*pool);
  }
  if (const auto index = cuda_index(name)) return make_cuda(*index, libraries, devices);
  throw Error("DEVICE_UNAVAILABLE", "This build has no device '" + name + "'.");
}

}  // namespace twofour::node

#include "node/backends.h"

#include "base/error.h"
#include "cpu/cpu_backend.h"
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

}  // namespace

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const Row& row : kBackends) names.emplace_back(row.name);
  return names;
}

CpuIsas cpu_isas() { return {cpu::supported_isas(), cpu::chosen_isa()}; }

std::unique_ptr<Backend> make_backend(const std::string& name, ThreadPool& pool) {
  for (const Row& row : kBackends) {
    if (name == row.name) return row.make(pool);
  }
  throw Error("DEVICE_UNAVAILABLE", "This build has no device '" + name + "'.");
}

}  // namespace twofour::node

#include <unistd.h>

#include "base/cpu_count.h"
#include "node/backends.h"
#include "node/bindings.h"
#include "node/napi.h"

namespace twofour::node {
namespace {

Napi::Value cpu(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const CpuCount count = count_cpus();
  const CpuIsas available = cpu_isas();
  const Napi::Array isas = Napi::Array::New(env);
  for (const std::string& isa : available.supported) isas.Set(isas.Length(), isa);
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", "cpu");
  object.Set("isas", isas);
  object.Set("isa", available.chosen);
  object.Set("threads", static_cast<double>(count.usable()));
  object.Set("physicalCores", static_cast<double>(count.physical_cores));
  object.Set("affinity", static_cast<double>(count.affinity));
  object.Set("cgroupQuota", count.cgroup_quota ? Napi::Number::New(env, *count.cgroup_quota) : env.Null());
  object.Set("memoryBytes",
             static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  return object;
}

}  // namespace

/// One instance for each environment; Node deletes it at the environment's end.
class Addon : public Napi::Addon<Addon> {
 public:
  Addon(Napi::Env env, Napi::Object exports) : environment_(env) {
    exports.Set("version", TWOFOUR_VERSION);
    add_method(exports, "cpu", cpu);
    add_method(exports, "cancel", [this](const Napi::CallbackInfo& info) -> Napi::Value {
      environment_.cancel(info[0].As<Napi::Number>().Uint32Value());
      return info.Env().Undefined();
    });
    bind_cuda(exports);
    bind_encoder(environment_, exports);
    bind_pruning(environment_, exports);
    bind_walk(environment_, exports);
    bind_calibration(environment_, exports);
    bind_structure(environment_, exports);
    bind_algebra(exports);
    bind_gradients(environment_, exports);
    bind_ops(environment_, exports);
  }

 private:
  Environment environment_;
};

NODE_API_ADDON(Addon)

}  // namespace twofour::node

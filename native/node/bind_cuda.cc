#include "node/bindings.h"
#include "node/convert.h"
#include "node/plugin_report.h"

namespace twofour::node {
namespace {

Napi::Object plugin_object(Napi::Env env, const LoadedPlugin& plugin) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("available", plugin.functions != nullptr);
  object.Set("file", plugin.file);
  object.Set("code", plugin.code);
  object.Set("reason", plugin.reason);
  return object;
}

Napi::Object device_object(Napi::Env env, const CudaReport::Device& device) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("index", static_cast<double>(device.index));
  object.Set("name", device.name);
  object.Set("computeCapability", std::to_string(device.major) + "." + std::to_string(device.minor));
  object.Set("memoryBytes", static_cast<double>(device.memory));
  object.Set("available", device.available);
  object.Set("code", device.code);
  object.Set("reason", device.reason);
  return object;
}

Napi::Object library_object(Napi::Env env, const CudaReport::Library& library) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", library.name);
  object.Set("path", library.path);
  object.Set("version", library.version);
  object.Set("usable", library.usable);
  object.Set("code", library.code);
  object.Set("sentence", library.sentence);
  return object;
}

void describe(Napi::Object& object, const CudaReport& report) {
  const Napi::Env env = object.Env();
  object.Set("emulated", report.emulated);
  object.Set("runtimeVersion", static_cast<double>(report.runtime_version));
  object.Set("driverVersion", static_cast<double>(report.driver_version));
  object.Set("minimumDriver", report.minimum_driver);
  object.Set("code", report.code);
  object.Set("reason", report.reason);
  const Napi::Array devices = Napi::Array::New(env), libraries = Napi::Array::New(env);
  for (const CudaReport::Device& device : report.devices)
    devices.Set(devices.Length(), device_object(env, device));
  for (const CudaReport::Library& library : report.libraries)
    libraries.Set(libraries.Length(), library_object(env, library));
  object.Set("devices", devices);
  object.Set("libraries", libraries);
}

Napi::Value cuda(const Napi::CallbackInfo& info) {
  const LoadedPlugin plugin = load_plugin();
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("plugin", plugin_object(info.Env(), plugin));
  std::optional<CudaLibraries> libraries;
  if (info[0].IsObject()) libraries = cuda_libraries(info[0].As<Napi::Object>());
  CudaReport report;
  if (plugin.functions == nullptr) {
    report.code = plugin.code;
    report.reason = plugin.reason;
  } else {
    report = report_of(*plugin.functions, libraries);
  }
  describe(object, report);
  return object;
}

}  // namespace

void bind_cuda(Napi::Object& exports) { add_method(exports, "cuda", cuda); }

}  // namespace twofour::node

#pragma once
#include "node/environment.h"
#include "node/napi.h"

/// One function for each part of binding.d.ts. They add their methods to `exports`; `environment` lives as
/// long as the exports do.
namespace twofour::node {

void bind_cuda(Napi::Object& exports);
void bind_encoder(Environment& environment, Napi::Object& exports);
void bind_pruning(Environment& environment, Napi::Object& exports);
void bind_gradients(Environment& environment, Napi::Object& exports);
void bind_walk(Environment& environment, Napi::Object& exports);
void bind_calibration(Environment& environment, Napi::Object& exports);
void bind_structure(Environment& environment, Napi::Object& exports);
void bind_algebra(Napi::Object& exports);
void bind_ops(Environment& environment, Napi::Object& exports);

/// A method that runs `body(info)`, turning native exceptions into coded JavaScript ones.
template <class Body>
void add_method(Napi::Object& exports, const char* name, Body body) {
  exports.Set(name, Napi::Function::New(
                        exports.Env(),
                        [body](const Napi::CallbackInfo& info) -> Napi::Value {
                          try {
                            return body(info);
                          } catch (const Error& error) {
                            throw coded_error(info.Env(), error.code(), error.what());
                          } catch (const Napi::Error&) {
                            throw;
                          } catch (const std::exception& error) {
                            throw coded_error(info.Env(), "INTERNAL", error.what());
                          }
                        },
                        name));
}

}  // namespace twofour::node

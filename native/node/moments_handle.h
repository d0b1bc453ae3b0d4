#pragma once
#include <memory>

#include "base/moments.h"
#include "node/napi.h"

/// MomentsHandle of binding.d.ts.
namespace twofour::node {

using SharedMoments = std::shared_ptr<Moments>;

/// What V8 is told that a handle holds. The sizes must not change while handles exist; the numbers may.
inline int64_t bytes_of(const Moments& moments) {
  const size_t doubles =
      moments.sums.size() + moments.squares.size() + moments.targets.size() + moments.energies.size();
  const size_t floats = moments.products.size() + moments.cross.size();
  return static_cast<int64_t>(doubles * sizeof(double) + floats * sizeof(float));
}

inline Napi::Value moments_handle(Napi::Env env, SharedMoments moments) {
  Napi::MemoryManagement::AdjustExternalMemory(env, bytes_of(*moments));
  return Napi::External<SharedMoments>::New(
      env, new SharedMoments(std::move(moments)), [](Napi::BasicEnv basic, SharedMoments* handle) {
        Napi::MemoryManagement::AdjustExternalMemory(basic, -bytes_of(**handle));
        delete handle;
      });
}

inline SharedMoments moments_of(const Napi::Value& value) {
  return *value.As<Napi::External<SharedMoments>>().Data();
}

}  // namespace twofour::node

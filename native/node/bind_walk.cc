#include <optional>

#include "engine/walk.h"
#include "node/backends.h"
#include "node/bindings.h"
#include "node/convert.h"
#include "node/moments_handle.h"

namespace twofour::node {
namespace {

/// Destroyed in reverse order: what the backend made before it, and it before its threads.
struct Walking {
  std::shared_ptr<ThreadPool> pool;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Walk> walk;
  size_t bytes = 0;
};

/// What a JavaScript handle points to. Work in flight shares it, so that disposing never pulls it away.
struct Handle {
  std::shared_ptr<Walking> walking;
};

using External = Napi::External<Handle>;

void release(Napi::BasicEnv env, Handle& handle) {
  if (!handle.walking) return;
  Napi::MemoryManagement::AdjustExternalMemory(env, -static_cast<int64_t>(handle.walking->bytes));
  handle.walking.reset();
}

std::shared_ptr<Walking> walking_of(const Napi::Value& value) {
  std::shared_ptr<Walking> walking = value.As<External>().Data()->walking;
  if (!walking) throw Error("INTERNAL", "This walk was disposed. Open another.");
  return walking;
}

WalkTokens walk_tokens(const Napi::Object& object) {
  WalkTokens tokens{ints_at(object, "ids"), ints_at(object, "types"), ints_at(object, "offsets"), {}};
  if (has(object, "counted")) {
    const auto counted = object.Get("counted").As<Napi::Uint8Array>();
    tokens.counted.assign(counted.Data(), counted.Data() + counted.ElementLength());
  }
  return tokens;
}

Napi::Value open_walk(Environment& environment, const Napi::CallbackInfo& info) {
  const auto object = info[0].As<Napi::Object>();
  auto request = std::make_shared<Walk::Request>(
      Walk::Request{.spec = encoder_spec(object_at(object, "spec")),
                    .outside = named_weight_sources(object_at(object, "weights")),
                    .tokens = walk_tokens(object),
                    .dense = flag_at(object, "dense"),
                    .chunk_tokens = size_at(object, "chunkTokens")});
  auto walking = std::make_shared<Walking>();
  walking->pool = environment.pool(size_at(object, "threads"));
  return environment.enqueue(
      environment.lane(kCpuLane), info[1].As<Napi::Object>(),
      [=, &devices = environment.devices()](Control& control) {
        walking->backend = make_backend("cpu", walking->pool.get(), {}, devices);
        walking->walk = std::make_unique<Walk>(std::move(*request), *walking->backend, control);
        walking->bytes = walking->walk->bytes();
      },
      [=](Napi::Env env) -> Napi::Value {
        Napi::MemoryManagement::AdjustExternalMemory(env, static_cast<int64_t>(walking->bytes));
        return External::New(env, new Handle{walking}, [](Napi::BasicEnv basic, Handle* handle) {
          release(basic, *handle);
          delete handle;
        });
      });
}

/// The weights of one call, for as long as it runs.
struct LayerSources {
  explicit LayerSources(const Napi::Object& request)
      : pruned(named_weight_sources(object_at(request, "weights"))) {
    if (has(request, "denseWeights")) dense = named_weight_sources(object_at(request, "denseWeights"));
  }
  Walk::Weights weights() const { return {.pruned = &pruned, .dense = dense ? &*dense : nullptr}; }

  WeightSources pruned;
  std::optional<WeightSources> dense;
};

Napi::Value collect(Environment& environment, const Napi::CallbackInfo& info) {
  const auto object = info[1].As<Napi::Object>();
  const Walk::Collect request{.layer = size_at(object, "layer"),
                              .stage = walk_stage_from(text_at(object, "stage")),
                              .full = flag_at(object, "full"),
                              .dense_target = text_at(object, "target") == "dense"};
  const auto sources = std::make_shared<const LayerSources>(object);
  const bool into = has(object, "into");
  const SharedMoments moments = into ? moments_of(object.Get("into")) : std::make_shared<Moments>();
  return environment.enqueue(
      environment.lane(kCpuLane), info[2].As<Napi::Object>(),
      [=, walking = walking_of(info[0])](Control& control) {
        Walk::Collect collect = request;
        if (into) collect.into = moments.get();
        const Moments collected = walking->walk->collect(collect, sources->weights(), control);
        // Copied and not moved: a handle's memory stays where it is, because others may be looking at it.
        *moments = collected;
      },
      [=](Napi::Env env) { return moments_handle(env, moments); });
}

Napi::Value advance(Environment& environment, const Napi::CallbackInfo& info) {
  const auto object = info[1].As<Napi::Object>();
  const auto sources = std::make_shared<const LayerSources>(object);
  return environment.enqueue(
      environment.lane(kCpuLane), info[2].As<Napi::Object>(),
      [=, layer = size_at(object, "layer"), walking = walking_of(info[0])](Control& control) {
        walking->walk->advance(layer, sources->weights(), control);
      },
      [](Napi::Env env) { return env.Undefined(); });
}

Napi::Value restart(Environment& environment, const Napi::CallbackInfo& info) {
  return environment.enqueue(
      environment.lane(kCpuLane), info[1].As<Napi::Object>(),
      [walking = walking_of(info[0])](Control& control) { walking->walk->restart(control); },
      [](Napi::Env env) { return env.Undefined(); });
}

}  // namespace

void bind_walk(Environment& environment, Napi::Object& exports) {
  const auto add = [&](const char* name, Napi::Value (*method)(Environment&, const Napi::CallbackInfo&)) {
    add_method(exports, name,
               [&environment, method](const Napi::CallbackInfo& info) { return method(environment, info); });
  };
  add("openWalk", open_walk);
  add("collectMoments", collect);
  add("advanceWalk", advance);
  add("restartWalk", restart);
  add_method(exports, "disposeWalk", [](const Napi::CallbackInfo& info) -> Napi::Value {
    release(info.Env(), *info[0].As<External>().Data());
    return info.Env().Undefined();
  });
}

}  // namespace twofour::node

#include "backend/pooling.h"
#include "engine/differentiable.h"
#include "node/backends.h"
#include "node/bindings.h"
#include "node/convert.h"

namespace twofour::node {
namespace {

/// Destroyed in reverse order: the weights before the backend that made them, before its threads.
struct Loaded {
  std::shared_ptr<ThreadPool> pool;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Differentiable> encoder;
  size_t bytes = 0;
};

/// What a JavaScript handle points to. Calls in flight share `loaded`, so that disposing never pulls it away.
struct Handle {
  std::shared_ptr<Loaded> loaded;
};

using External = Napi::External<Handle>;

void release(Napi::BasicEnv env, Handle& handle) {
  if (!handle.loaded) return;
  Napi::MemoryManagement::AdjustExternalMemory(env, -static_cast<int64_t>(handle.loaded->bytes));
  handle.loaded.reset();
}

std::shared_ptr<Loaded> loaded_of(const Napi::Value& value) {
  std::shared_ptr<Loaded> loaded = value.As<External>().Data()->loaded;
  if (!loaded) throw Error("ENCODER_DISPOSED", "This encoder was disposed. Load it again to use it.");
  return loaded;
}

Napi::Value load(Environment& environment, const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  auto sources = std::make_shared<WeightSources>(named_weight_sources(object_at(request, "weights")));
  auto loaded = std::make_shared<Loaded>();
  loaded->pool = environment.pool(size_at(request, "threads"));
  return environment.enqueue(
      info[1].As<Napi::Object>(),
      [=, spec = encoder_spec(object_at(request, "spec"))](Control& control) {
        loaded->backend = make_backend("cpu", *loaded->pool, {});
        loaded->encoder = std::make_unique<Differentiable>(spec, *sources, *loaded->backend, control);
        loaded->bytes = loaded->encoder->bytes();
      },
      [=](Napi::Env env) -> Napi::Value {
        Napi::MemoryManagement::AdjustExternalMemory(env, static_cast<int64_t>(loaded->bytes));
        return External::New(env, new Handle{loaded}, [](Napi::BasicEnv basic, Handle* handle) {
          release(basic, *handle);
          delete handle;
        });
      });
}

Pooling pooling_at(const Napi::Object& object) { return pooling_from(text_at(object, "pooling")); }

std::unique_ptr<Loss> cross_entropy(const Napi::Object& object) {
  auto loss = std::make_unique<CrossEntropy>();
  loss->labels = ints_at(object, "labels");
  return loss;
}

std::unique_ptr<Loss> span_loss(const Napi::Object& object) {
  auto loss = std::make_unique<SpanLoss>();
  loss->starts = ints_at(object, "starts");
  loss->ends = ints_at(object, "ends");
  return loss;
}

std::unique_ptr<Loss> divergence(const Napi::Object& object) {
  auto loss = std::make_unique<Divergence>();
  loss->targets = floats_at(object, "targets");
  loss->temperature = number_at(object, "temperature");
  return loss;
}

std::unique_ptr<Loss> squares(const Napi::Object& object) {
  auto loss = std::make_unique<Squares>();
  loss->targets = floats_at(object, "targets");
  if (text_at(object, "of") == "sentence") loss->of = pooling_at(object);
  return loss;
}

std::unique_ptr<Loss> cosine(const Napi::Object& object) {
  auto loss = std::make_unique<Cosine>();
  loss->targets = floats_at(object, "targets");
  loss->of = pooling_at(object);
  return loss;
}

std::unique_ptr<Loss> similarity(const Napi::Object& object) {
  auto loss = std::make_unique<Similarity>();
  loss->vectors = floats_at(object, "vectors");
  loss->of = pooling_at(object);
  loss->scale = number_at(object, "scale");
  return loss;
}

constexpr struct {
  const char* kind;
  std::unique_ptr<Loss> (*make)(const Napi::Object& object);
} kLosses[] = {{"crossEntropy", cross_entropy},
               {"span", span_loss},
               {"divergence", divergence},
               {"squares", squares},
               {"cosine", cosine},
               {"similarity", similarity}};

std::shared_ptr<const Loss> loss_of(const Napi::Object& object) {
  const std::string kind = text_at(object, "kind");
  for (const auto& [name, make] : kLosses) {
    if (kind == name) return make(object);
  }
  throw Error("INTERNAL", "Unknown loss " + kind + " crossed the binding.");
}

constexpr struct {
  const char* name;
  Tap tap;
} kTaps[] = {{"input", Tap::input},     {"context", Tap::context},  {"middle", Tap::middle},
             {"neurons", Tap::neurons}, {"hidden", Tap::hidden},    {"probabilities", Tap::probabilities},
             {"logits", Tap::logits},   {"sentence", Tap::sentence}};

Tap tap_of(const std::string& what) {
  for (const auto& [name, tap] : kTaps) {
    if (what == name) return tap;
  }
  throw Error("INTERNAL", "Unknown tap " + what + " crossed the binding.");
}

Sequences sequences_of(const Napi::Object& object) {
  return {ints_at(object, "ids"), ints_at(object, "types"), ints_at(object, "offsets")};
}

Gates gates_of(const Napi::Object& object) {
  Gates gates;
  if (has(object, "headGates")) gates.heads = floats_at(object, "headGates");
  if (has(object, "neuronGates")) gates.neurons = floats_at(object, "neuronGates");
  return gates;
}

GradientRequest gradient_request(const Napi::Object& object) {
  GradientRequest request{.sequences = sequences_of(object),
                          .loss = loss_of(object_at(object, "loss")),
                          .batches = ints_at(object, "batches"),
                          .gates = gates_of(object),
                          .heads = flag_at(object, "heads"),
                          .neurons = flag_at(object, "neurons"),
                          .shared = flag_at(object, "shared"),
                          .rows = flag_at(object, "rows")};
  const auto slots = object.Get("weights").As<Napi::Array>();
  for (uint32_t i = 0; i < slots.Length(); ++i) request.weights.insert(slots.Get(i).As<Napi::String>());
  return request;
}

Napi::Object gate_gradients(Napi::Env env, GateGradients& from) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("perToken", double_array(env, from.per_token));
  object.Set("perExample", double_array(env, from.per_example));
  object.Set("perBatch", double_array(env, from.per_batch));
  object.Set("sum", double_array(env, from.sum));
  object.Set("exampleSquares", double_array(env, from.example_squares));
  object.Set("batchSquares", double_array(env, from.batch_squares));
  return object;
}

void set_gates(Napi::Object& result, const char* name, std::optional<GateGradients>& from, bool rows) {
  if (!from) return;
  const Napi::Env env = result.Env();
  Napi::Object object = gate_gradients(env, *from);
  if (rows) {
    object.Set("examples", float_array(env, std::move(from->examples)));
    object.Set("batches", float_array(env, std::move(from->batches)));
  }
  result.Set(name, object);
}

Napi::Object result_of(Napi::Env env, const GradientRequest& request, GradientResult& from) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("losses", double_array(env, from.losses));
  set_gates(result, "heads", from.heads, request.rows);
  set_gates(result, "neurons", from.neurons, request.rows);
  if (request.weights.empty()) return result;
  Napi::Object weights = Napi::Object::New(env);
  for (auto& [slot, values] : from.weights) weights.Set(slot, float_array(env, std::move(values)));
  result.Set("weights", weights);
  return result;
}

Napi::Value gradients(Environment& environment, const Napi::CallbackInfo& info) {
  const auto request = std::make_shared<const GradientRequest>(gradient_request(info[1].As<Napi::Object>()));
  const auto result = std::make_shared<GradientResult>();
  return environment.enqueue(
      info[2].As<Napi::Object>(),
      [=, loaded = loaded_of(info[0])](Control& control) {
        *result = loaded->encoder->gradients(*request, control);
      },
      [=](Napi::Env env) { return result_of(env, *request, *result); });
}

Napi::Value tap(Environment& environment, const Napi::CallbackInfo& info) {
  const auto object = info[1].As<Napi::Object>();
  TapRequest request{.sequences = sequences_of(object),
                     .gates = gates_of(object),
                     .layer = static_cast<int32_t>(number_at(object, "layer")),
                     .what = tap_of(text_at(object, "what"))};
  if (has(object, "pooling")) request.pooling = pooling_at(object);
  const auto values = std::make_shared<std::vector<float>>();
  return environment.enqueue(
      info[2].As<Napi::Object>(),
      [=, loaded = loaded_of(info[0])](Control& control) {
        *values = loaded->encoder->tap(request, control);
      },
      [=](Napi::Env env) { return float_array(env, std::move(*values)); });
}

}  // namespace

void bind_gradients(Environment& environment, Napi::Object& exports) {
  const auto add = [&](const char* name, Napi::Value (*method)(Environment&, const Napi::CallbackInfo&)) {
    add_method(exports, name,
               [&environment, method](const Napi::CallbackInfo& info) { return method(environment, info); });
  };
  add("loadDifferentiable", load);
  add("gradients", gradients);
  add("tap", tap);
  add_method(exports, "disposeDifferentiable", [](const Napi::CallbackInfo& info) -> Napi::Value {
    release(info.Env(), *info[0].As<External>().Data());
    return info.Env().Undefined();
  });
}

}  // namespace twofour::node

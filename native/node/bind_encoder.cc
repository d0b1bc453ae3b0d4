#include <chrono>

#include "node/backends.h"
#include "node/bindings.h"
#include "node/convert.h"

namespace twofour::node {
namespace {

/// Destroyed in reverse order: the encoder's weights before the backend that made them, before its threads.
struct Loaded {
  std::shared_ptr<Lane> lane;
  std::shared_ptr<ThreadPool> pool;  ///< Null on CUDA.
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Encoder> encoder;
  std::vector<Measurement> measured;
  size_t bytes = 0;
  size_t batches = 0;  ///< Computed so far. The lane's thread only.
};

/// Empty, and destroyed on its lane's thread, whoever lets it go last: another encoder of its device may be
/// at work there.
std::shared_ptr<Loaded> made_on(const std::shared_ptr<Lane>& lane) {
  const auto destroy = [lane](Loaded* loaded) { lane->discard([loaded] { delete loaded; }); };
  const std::shared_ptr<Loaded> loaded(new Loaded, destroy);
  loaded->lane = lane;
  return loaded;
}

/// What a JavaScript handle points to. Runs in flight share `loaded`, so that disposing never pulls it away.
struct Handle {
  std::shared_ptr<Loaded> loaded;
};

using External = Napi::External<Handle>;

size_t bytes_of(const EncoderWeights& weights) {
  size_t bytes = weights.other_bytes();
  for (const auto& [name, linear] : weights.linears()) {
    for (const PackedLinear::Form& form : linear->forms()) bytes += form.bytes;
  }
  return bytes;
}

void release(Napi::BasicEnv env, Handle& handle) {
  if (!handle.loaded) return;
  Napi::MemoryManagement::AdjustExternalMemory(env, -static_cast<int64_t>(handle.loaded->bytes));
  handle.loaded.reset();
}

Napi::Value wrapped(Napi::Env env, std::shared_ptr<Loaded> loaded) {
  Napi::MemoryManagement::AdjustExternalMemory(env, static_cast<int64_t>(loaded->bytes));
  return External::New(env, new Handle{std::move(loaded)}, [](Napi::BasicEnv basic, Handle* handle) {
    release(basic, *handle);
    delete handle;
  });
}

std::shared_ptr<Loaded> loaded_of(const Napi::Value& value) {
  std::shared_ptr<Loaded> loaded = value.As<External>().Data()->loaded;
  if (!loaded) throw Error("ENCODER_DISPOSED", "This encoder was disposed. Load it again to use it.");
  return loaded;
}

/// What 8-bit linears are to be calibrated with.
std::optional<RunRequest> sample_of(const Napi::Object& request) {
  if (!has(request, "calibration")) return std::nullopt;
  const Napi::Object sample = object_at(request, "calibration");
  RunRequest run;
  run.ids = ints_at(sample, "ids");
  run.types = ints_at(sample, "types");
  run.offsets = ints_at(sample, "offsets");
  return run;
}

Napi::Value load(Environment& environment, const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  const std::string device = text_at(request, "device");
  const size_t max_tokens = size_at(request, "maxTokens");
  auto sources = std::make_shared<WeightSources>(named_weight_sources(object_at(request, "weights")));
  const CudaLibraries libraries = cuda_libraries(object_at(request, "libraries"));
  const std::string lane = lane_of(device);
  const std::shared_ptr<Loaded> loaded = made_on(environment.lane(lane));
  if (lane == kCpuLane) loaded->pool = environment.pool(size_at(request, "threads"));
  return environment.enqueue(
      loaded->lane, info[1].As<Napi::Object>(),
      [=, &devices = environment.devices(), spec = encoder_spec(object_at(request, "spec")),
       settings = pack_settings(request), sample = sample_of(request),
       tuning = tuning_of(object_at(request, "tuning"))](Control& control) mutable {
        settings.tuning = &tuning;
        if (sample) settings.sample = &*sample;
        loaded->backend = make_backend(device, loaded->pool.get(), libraries, devices);
        loaded->encoder =
            std::make_unique<Encoder>(spec, *sources, settings, *loaded->backend, max_tokens, control);
        loaded->measured = tuning.measured();
        loaded->bytes = bytes_of(loaded->encoder->weights());
      },
      [=](Napi::Env env) { return wrapped(env, loaded); });
}

void set(Napi::Object& object, const char* key, std::vector<float>&& values, bool wanted) {
  if (wanted) object.Set(key, float_array(object.Env(), std::move(values)));
}

Napi::Object result_of(Napi::Env env, const RunRequest& request, RunOutputs& outputs, double nanoseconds) {
  Napi::Object result = Napi::Object::New(env);
  set(result, "lastHiddenState", std::move(outputs.last_hidden_state), request.last_hidden_state);
  set(result, "pooled", std::move(outputs.pooled), request.pooled);
  set(result, "logits", std::move(outputs.logits), request.logits);
  set(result, "sentence", std::move(outputs.sentence), request.sentence.has_value());
  if (request.hidden_states) {
    const Napi::Array states = Napi::Array::New(env, outputs.hidden_states.size());
    for (uint32_t i = 0; i < states.Length(); ++i)
      states.Set(i, float_array(env, std::move(outputs.hidden_states[i])));
    result.Set("hiddenStates", states);
  }
  result.Set("nanoseconds", nanoseconds);
  return result;
}

class RunTask final : public PromisedTask {
 public:
  RunTask(std::shared_ptr<Loaded> loaded, RunRequest request, std::chrono::microseconds patience)
      : loaded_(std::move(loaded)),
        request_(std::move(request)),
        merging_{.company = loaded_.get(),
                 .size = request_.ids.size(),
                 .room = loaded_->encoder->merge_tokens(),
                 .patience = patience} {}

  Merging merging() const override { return merging_; }

  void run(std::span<Task* const> together, Control& control) override {
    std::vector<Encoder::Member> members;
    for (Task* task : together) {
      auto& run = static_cast<RunTask&>(*task);
      members.push_back({&run.request_, &run.outputs_});
    }
    const auto begin = std::chrono::steady_clock::now();
    loaded_->encoder->run(members, control);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
    const size_t batch = ++loaded_->batches;
    for (Task* task : together) {
      auto& run = static_cast<RunTask&>(*task);
      run.nanoseconds_ = time.count();
      run.batch_ = batch;
    }
  }

  void release() override { loaded_.reset(); }

  Napi::Value finish(Napi::Env env) override {
    Napi::Object result = result_of(env, request_, outputs_, nanoseconds_);
    result.Set("batch", static_cast<double>(batch_));
    return result;
  }

 private:
  std::shared_ptr<Loaded> loaded_;
  RunRequest request_;
  Merging merging_;
  RunOutputs outputs_;
  double nanoseconds_ = 0;
  size_t batch_ = 0;
};

Napi::Value run(Environment& environment, const Napi::CallbackInfo& info) {
  const auto request = info[1].As<Napi::Object>();
  const std::chrono::microseconds patience(
      has(request, "maxWait") ? static_cast<int64_t>(number_at(request, "maxWait") * 1000) : 0);
  const std::shared_ptr<Loaded> loaded = loaded_of(info[0]);
  return environment.enqueue(loaded->lane, info[2].As<Napi::Object>(),
                             std::make_unique<RunTask>(loaded, run_request(request), patience));
}

template <class T>
Napi::Value number_or_null(Napi::Env env, const std::optional<T>& value) {
  return value ? Napi::Number::New(env, static_cast<double>(*value)) : env.Null();
}

Napi::Object choice_of(Napi::Env env, const PackedLinear::Choice& choice) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("tokens", number_or_null(env, choice.tokens));
  object.Set("form", choice.form);
  object.Set("denseMicroseconds", number_or_null(env, choice.dense_us));
  object.Set("sparseMicroseconds", number_or_null(env, choice.sparse_us));
  object.Set("reason", choice.reason);
  return object;
}

Napi::Object scales_of(Napi::Env env, const PackedLinear::Scales& scales, const Calibrated& calibrated) {
  const Napi::Array buckets = Napi::Array::New(env);
  for (const PackedLinear::Scales::Choice& choice : scales.choices) {
    Napi::Object bucket = Napi::Object::New(env);
    bucket.Set("tokens", number_or_null(env, choice.tokens));
    bucket.Set("chosen", choice.chosen == Scaling::tensor ? "tensor" : "token");
    bucket.Set("tokenMicroseconds", number_or_null(env, choice.token_us));
    bucket.Set("tensorMicroseconds", number_or_null(env, choice.tensor_us));
    bucket.Set("reason", choice.reason);
    buckets.Set(buckets.Length(), bucket);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("largest", calibrated.largest);
  object.Set("tokenError", calibrated.token_error);
  object.Set("tensorError", number_or_null(env, calibrated.tensor_error));
  object.Set("reason", scales.reason);
  object.Set("buckets", buckets);
  return object;
}

Napi::Object linear_report(Napi::Env env, const EncoderWeights::Named& named, const Encoder& encoder) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", named.name);
  object.Set("rows", static_cast<double>(named.linear->rows()));
  object.Set("columns", static_cast<double>(named.linear->columns()));
  object.Set("nonzeros", static_cast<double>(named.linear->nonzeros()));
  const Napi::Array forms = Napi::Array::New(env), buckets = Napi::Array::New(env);
  for (const PackedLinear::Form& form : named.linear->forms()) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("form", form.name);
    entry.Set("bytes", static_cast<double>(form.bytes));
    forms.Set(forms.Length(), entry);
  }
  for (const PackedLinear::Choice& choice : named.linear->choices())
    buckets.Set(buckets.Length(), choice_of(env, choice));
  object.Set("forms", forms);
  object.Set("buckets", buckets);
  const auto calibrated = encoder.calibrated().find(named.name);
  if (calibrated != encoder.calibrated().end())
    object.Set("scales", scales_of(env, *named.linear->scales(), calibrated->second));
  return object;
}

Napi::Value explain(const Napi::CallbackInfo& info) {
  const Napi::Array reports = Napi::Array::New(info.Env());
  const std::shared_ptr<Loaded> loaded = loaded_of(info[0]);
  for (const auto& named : loaded->encoder->weights().linears()) {
    reports.Set(reports.Length(), linear_report(info.Env(), named, *loaded->encoder));
  }
  return reports;
}

Napi::Value measured(const Napi::CallbackInfo& info) {
  const Napi::Array all = Napi::Array::New(info.Env());
  for (const Measurement& measurement : loaded_of(info[0])->measured)
    all.Set(all.Length(), measurement_object(info.Env(), measurement));
  return all;
}

Napi::Value memory(const Napi::CallbackInfo& info) {
  const std::shared_ptr<Loaded> loaded = loaded_of(info[0]);
  const EncoderWeights& weights = loaded->encoder->weights();
  const size_t tables = weights.other_bytes();
  const Napi::Array owners = Napi::Array::New(info.Env());
  const auto add = [&](const char* owner, size_t bytes) {
    Napi::Object entry = Napi::Object::New(info.Env());
    entry.Set("owner", owner);
    entry.Set("bytes", static_cast<double>(bytes));
    owners.Set(owners.Length(), entry);
  };
  add("packed linears", loaded->bytes - tables);
  add("embedding tables and norms", tables);
  return owners;
}

}  // namespace

void bind_encoder(Environment& environment, Napi::Object& exports) {
  add_method(exports, "loadEncoder", [&](const Napi::CallbackInfo& info) { return load(environment, info); });
  add_method(exports, "runEncoder", [&](const Napi::CallbackInfo& info) { return run(environment, info); });
  add_method(exports, "explainEncoder", explain);
  add_method(exports, "memoryOfEncoder", memory);
  add_method(exports, "measuredByEncoder", measured);
  add_method(exports, "disposeEncoder", [](const Napi::CallbackInfo& info) -> Napi::Value {
    release(info.Env(), *info[0].As<External>().Data());
    return info.Env().Undefined();
  });
}

}  // namespace twofour::node

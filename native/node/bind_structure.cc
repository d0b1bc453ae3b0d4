#include <algorithm>

#include "node/backends.h"
#include "node/bindings.h"
#include "node/convert.h"
#include "node/moments_handle.h"
#include "pruning/permutation.h"
#include "pruning/rewrite.h"
#include "pruning/structured_obs.h"

/// Rows and columns as wholes: their order, what they are multiplied with, which can be spared.
namespace twofour::node {
namespace {

template <class Array, class T>
Array array_of(Napi::Env env, const std::vector<T>& values) {
  Array array = Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

std::optional<std::vector<int32_t>> lines_at(const Napi::Object& request, const char* key) {
  if (!has(request, key)) return std::nullopt;
  return ints_at(request, key);
}

std::vector<float> factors_at(const Napi::Object& request, const char* key) {
  return has(request, key) ? floats_at(request, key) : std::vector<float>();
}

Napi::Value find_permutation(Environment& environment, const Napi::CallbackInfo& info) {
  struct State {
    WeightSource weight;
    std::string score;
    SharedMoments moments;
    pruning::NOfM pattern;
    size_t block;
    pruning::Permutation found;
  };
  const auto request = info[0].As<Napi::Object>();
  auto state =
      std::make_shared<State>(State{weight_source(object_at(request, "weight")),
                                    text_at(request, "score"),
                                    has(request, "moments") ? moments_of(request.Get("moments")) : nullptr,
                                    {size_at(request, "n"), size_at(request, "m")},
                                    size_at(request, "block"),
                                    {}});
  return environment.enqueue(
      environment.lane(kCpuLane), info[1].As<Napi::Object>(),
      [state, pool = environment.pool(size_at(request, "threads"))](Control& control) {
        const pruning::Score score =
            pruning::score_named(state->score, {state->weight, state->moments.get(), {}});
        state->found =
            pruning::find_permutation(state->weight, score, state->pattern, state->block, *pool, control);
      },
      [state](Napi::Env env) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("order", array_of<Napi::Int32Array>(env, state->found.order));
        result.Set("before", state->found.before);
        result.Set("after", state->found.after);
        result.Set("best", state->found.best);
        return result;
      });
}

Napi::Value rewrite_weights(Environment& environment, const Napi::CallbackInfo& info) {
  struct State {
    WeightSource weight;
    pruning::Rewrite how;
    pruning::Rewritten result;
  };
  const auto request = info[0].As<Napi::Object>();
  auto state =
      std::make_shared<State>(State{weight_source(object_at(request, "weight")),
                                    {lines_at(request, "rows"), lines_at(request, "columns"),
                                     factors_at(request, "rowFactors"), factors_at(request, "columnFactors")},
                                    {}});
  return environment.enqueue(
      environment.lane(kCpuLane), info[1].As<Napi::Object>(),
      [state, pool = environment.pool(size_at(request, "threads"))](Control& control) {
        control.check();
        state->result = pruning::rewrite(state->weight, state->how, *pool);
      },
      [state](Napi::Env env) -> Napi::Value {
        const auto& [numbers, bits] = state->result;
        Napi::Uint8Array data = Napi::Uint8Array::New(env, numbers.size());
        std::copy_n(reinterpret_cast<const uint8_t*>(numbers.data()), numbers.size(), data.Data());
        Napi::Object result = Napi::Object::New(env);
        result.Set("data", data);
        if (!state->weight.bits.empty()) result.Set("bits", byte_array(env, bits));
        return result;
      });
}

Napi::Value reorder_moments(Environment& environment, const Napi::CallbackInfo& info) {
  auto order = std::make_shared<std::vector<int32_t>>(ints_at(info[1].As<Napi::Object>(), "order"));
  auto moments = std::make_shared<SharedMoments>(moments_of(info[0]));
  return environment.enqueue(
      environment.lane(kCpuLane), info[2].As<Napi::Object>(),
      [order, moments, pool = environment.pool(0)](Control& control) {
        control.check();
        *moments = std::make_shared<Moments>(pruning::reordered(**moments, *order, *pool));
      },
      [moments](Napi::Env env) -> Napi::Value { return moments_handle(env, std::move(*moments)); });
}

Napi::Value structured_obs(Environment& environment, const Napi::CallbackInfo& info) {
  struct State {
    WeightSource weight, bias;
    SharedMoments moments;
    double damping;
    size_t group;
    std::vector<int32_t> present;
    pruning::StructuredObs result;
  };
  const auto request = info[0].As<Napi::Object>();
  auto state = std::make_shared<State>(State{weight_source(object_at(request, "weight")),
                                             weight_source(object_at(request, "bias")),
                                             moments_of(request.Get("moments")),
                                             number_at(request, "damping"),
                                             size_at(request, "group"),
                                             ints_at(request, "present"),
                                             {}});
  return environment.enqueue(
      environment.lane(kCpuLane), info[1].As<Napi::Object>(),
      [state, pool = environment.pool(size_at(request, "threads"))](Control& control) {
        state->result =
            pruning::structured_obs(state->weight, state->bias, {*state->moments, 0, state->damping},
                                    state->group, state->present, *pool, control);
      },
      [state](Napi::Env env) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("order", array_of<Napi::Int32Array>(env, state->result.order));
        result.Set("errors", double_array(env, state->result.errors));
        return result;
      });
}

}  // namespace

void bind_structure(Environment& environment, Napi::Object& exports) {
  add_method(exports, "findPermutation",
             [&](const Napi::CallbackInfo& info) { return find_permutation(environment, info); });
  add_method(exports, "rewriteWeights",
             [&](const Napi::CallbackInfo& info) { return rewrite_weights(environment, info); });
  add_method(exports, "reorderMoments",
             [&](const Napi::CallbackInfo& info) { return reorder_moments(environment, info); });
  add_method(exports, "structuredObs",
             [&](const Napi::CallbackInfo& info) { return structured_obs(environment, info); });
}

}  // namespace twofour::node

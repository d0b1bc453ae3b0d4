#include <algorithm>

#include "algebra/products.h"
#include "node/bindings.h"
#include "node/convert.h"
#include "node/moments_handle.h"
#include "pruning/sparse_gpt.h"
#include "pruning/update.h"

/// Moments, and what solves for weights with them. None of it touches a device.
namespace twofour::node {
namespace {

Napi::Uint8Array bytes_of(Napi::Env env, const std::vector<std::byte>& bytes) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, bytes.size());
  std::copy_n(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), array.Data());
  return array;
}

Napi::Object updated_object(Napi::Env env, const pruning::Updated& updated) {
  Napi::Object errors = Napi::Object::New(env);
  errors.Set("masked", updated.masked_error);
  errors.Set("updated", updated.updated_error);
  Napi::Object object = Napi::Object::New(env);
  object.Set("weight", bytes_of(env, updated.weight));
  object.Set("bias", bytes_of(env, updated.bias));
  object.Set("errors", errors);
  object.Set("unchangedRows", static_cast<double>(updated.unchanged_rows));
  return object;
}

/// What both solvers are asked.
struct Question {
  explicit Question(const Napi::Object& request)
      : weight(weight_source(object_at(request, "weight"))),
        bias(weight_source(object_at(request, "bias"))),
        moments(moments_of(request.Get("moments"))),
        target_row(size_at(request, "targetRow")),
        damping(number_at(request, "damping")) {}
  pruning::Aim aim() const { return {*moments, target_row, damping}; }

  WeightSource weight, bias;
  SharedMoments moments;
  size_t target_row;
  double damping;
};

Napi::Value update_weights(Environment& environment, const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  const auto update = text_at(request, "update") == "refit" ? pruning::Update::refit : pruning::Update::bias;
  auto question = std::make_shared<Question>(request);
  auto result = std::make_shared<pruning::Updated>();
  return environment.enqueue(
      info[1].As<Napi::Object>(),
      [=, pool = environment.pool(size_at(request, "threads"))](Control& control) {
        *result = pruning::update_weights(question->weight, question->bias, question->aim(), update, *pool,
                                          control);
      },
      [result](Napi::Env env) -> Napi::Value { return updated_object(env, *result); });
}

pruning::Pattern pattern_of(const Napi::Object& object) {
  if (text_at(object, "kind") == "nm") return pruning::NOfM{size_at(object, "n"), size_at(object, "m")};
  return pruning::Unstructured{number_at(object, "fraction"), pruning::Per::matrix};
}

Napi::Value sparse_gpt(Environment& environment, const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  auto question = std::make_shared<Question>(request);
  auto result = std::make_shared<pruning::SparseGpt>();
  return environment.enqueue(
      info[1].As<Napi::Object>(),
      [=, pattern = pattern_of(object_at(request, "pattern")), block = size_at(request, "block"),
       pool = environment.pool(size_at(request, "threads"))](Control& control) {
        *result = pruning::sparse_gpt(question->weight, question->bias, question->aim(), pattern, block,
                                      *pool, control);
      },
      [result](Napi::Env env) -> Napi::Value {
        Napi::Object object = updated_object(env, result->updated);
        object.Set("bits", byte_array(env, result->bits));
        object.Set("kept", static_cast<double>(result->kept));
        object.Set("tail", static_cast<double>(result->tail));
        return object;
      });
}

Napi::Value relative_error(Environment& environment, const Napi::CallbackInfo& info) {
  struct State {
    WeightSource before, after, before_bias, after_bias;
    SharedMoments moments;
    double error = 0;
  };
  const auto request = info[0].As<Napi::Object>();
  const auto source = [&](const char* key) { return weight_source(object_at(request, key)); };
  auto state = std::make_shared<State>(State{source("before"), source("after"), source("beforeBias"),
                                             source("afterBias"), moments_of(request.Get("moments"))});
  return environment.enqueue(
      info[1].As<Napi::Object>(),
      [state, pool = environment.pool(size_at(request, "threads"))](Control& control) {
        const pruning::Linear before = pruning::read_linear(state->before, state->before_bias);
        const pruning::Linear after = pruning::read_linear(state->after, state->after_bias);
        control.check();
        state->error = pruning::relative_error(before, after, *state->moments, *pool);
      },
      [state](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, state->error); });
}

/// Adds [tokens, width] to Σ and Σ of squares.
void add_sums(const std::vector<float>& rows, std::vector<double>& sums, std::vector<double>& squares) {
  for (size_t i = 0; i < rows.size(); ++i) {
    sums[i % sums.size()] += rows[i];
    squares[i % sums.size()] += static_cast<double>(rows[i]) * rows[i];
  }
}

SharedMoments made_moments(const Napi::Object& request) {
  const std::vector<float> inputs = floats_at(request, "inputs");
  const size_t tokens = size_at(request, "tokens"), columns = inputs.size() / std::max<size_t>(tokens, 1);
  auto moments = std::make_shared<Moments>();
  moments->tokens = tokens;
  moments->columns = columns;
  moments->sums.resize(columns);
  moments->squares.resize(columns);
  add_sums(inputs, moments->sums, moments->squares);
  ThreadPool alone(1);
  if (flag_at(request, "full")) {
    moments->products.resize(columns * columns);
    algebra::add_transposed_product(inputs.data(), columns, inputs.data(), columns, tokens, columns, columns,
                                    1.0f, moments->products.data(), columns, alone);
  }
  if (!has(request, "targets")) return moments;
  const std::vector<float> targets = floats_at(request, "targets");
  moments->rows = targets.size() / std::max<size_t>(tokens, 1);
  moments->targets.resize(moments->rows);
  moments->energies.resize(moments->rows);
  moments->cross.resize(moments->rows * columns);
  add_sums(targets, moments->targets, moments->energies);
  algebra::add_transposed_product(targets.data(), moments->rows, inputs.data(), columns, tokens,
                                  moments->rows, columns, 1.0f, moments->cross.data(), columns, alone);
  return moments;
}

Napi::Value describe_moments(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const SharedMoments moments = moments_of(info[0]);
  Napi::Object object = Napi::Object::New(env);
  object.Set("tokens", static_cast<double>(moments->tokens));
  object.Set("columns", static_cast<double>(moments->columns));
  object.Set("rows", static_cast<double>(moments->rows));
  object.Set("sums", double_array(env, moments->sums));
  object.Set("squares", double_array(env, moments->squares));
  object.Set("targets", double_array(env, moments->targets));
  object.Set("energies", double_array(env, moments->energies));
  object.Set("products", float_array(env, std::vector<float>(moments->products)));
  object.Set("cross", float_array(env, std::vector<float>(moments->cross)));
  return object;
}

}  // namespace

void bind_calibration(Environment& environment, Napi::Object& exports) {
  add_method(exports, "makeMoments", [](const Napi::CallbackInfo& info) {
    return moments_handle(info.Env(), made_moments(info[0].As<Napi::Object>()));
  });
  add_method(exports, "describeMoments", describe_moments);
  add_method(exports, "updateWeights",
             [&](const Napi::CallbackInfo& info) { return update_weights(environment, info); });
  add_method(exports, "sparseGpt",
             [&](const Napi::CallbackInfo& info) { return sparse_gpt(environment, info); });
  add_method(exports, "relativeError",
             [&](const Napi::CallbackInfo& info) { return relative_error(environment, info); });
}

}  // namespace twofour::node

#include "base/weight_writer.h"
#include "node/backends.h"
#include "node/bindings.h"
#include "node/convert.h"
#include "node/moments_handle.h"
#include "pruning/measure.h"
#include "pruning/scores.h"
#include "pruning/select.h"

namespace twofour::node {
namespace {

pruning::Per per_from(const std::string& name) {
  if (name == "row") return pruning::Per::row;
  return name == "global" ? pruning::Per::global : pruning::Per::matrix;
}

pruning::Pattern pattern_of(const Napi::Object& object) {
  if (text_at(object, "kind") == "nm") return pruning::NOfM{size_at(object, "n"), size_at(object, "m")};
  return pruning::Unstructured{number_at(object, "fraction"), per_from(text_at(object, "per"))};
}

std::vector<SharedMoments> moments_at(const Napi::Object& request) {
  std::vector<SharedMoments> moments;
  if (!has(request, "moments")) return moments;
  const auto handles = request.Get("moments").As<Napi::Array>();
  for (uint32_t i = 0; i < handles.Length(); ++i) moments.push_back(moments_of(handles.Get(i)));
  return moments;
}

Napi::Value select_weights(Environment& environment, const Napi::CallbackInfo& info) {
  struct State {
    std::vector<WeightSource> weights;
    std::string score;
    uint64_t seed, stream;
    std::vector<SharedMoments> moments;
    bool reverse;
    pruning::Pattern pattern;
    pruning::Selection selection;
  };
  const auto request = info[0].As<Napi::Object>();
  auto state = std::make_shared<State>(State{weight_sources(request, "weights"),
                                             text_at(request, "score"),
                                             size_at(request, "seed"),
                                             size_at(request, "stream"),
                                             moments_at(request),
                                             has(request, "reverse") && flag_at(request, "reverse"),
                                             pattern_of(object_at(request, "pattern")),
                                             {}});
  return environment.enqueue(
      environment.lane(kCpuLane), info[1].As<Napi::Object>(),
      [state, pool = environment.pool(0)](Control& control) {
        state->selection = pruning::select(
            state->weights, {state->score, state->seed, state->stream, state->moments, state->reverse},
            state->pattern, *pool, control);
      },
      [state](Napi::Env env) -> Napi::Value {
        const Napi::Array bits = Napi::Array::New(env);
        for (const std::vector<uint8_t>& mask : state->selection.bits)
          bits.Set(bits.Length(), byte_array(env, mask));
        Napi::Object result = Napi::Object::New(env);
        result.Set("bits", bits);
        result.Set("kept", number_array(env, state->selection.kept));
        result.Set("tails", number_array(env, state->selection.tails));
        return result;
      });
}

Napi::Value group_norms(Environment& environment, const Napi::CallbackInfo& info) {
  struct State {
    std::vector<WeightSource> weights;
    std::vector<std::vector<double>> norms;
  };
  const auto request = info[0].As<Napi::Object>();
  auto state = std::make_shared<State>(State{weight_sources(request, "weights"), {}});
  const auto axis = text_at(request, "axis") == "rows" ? pruning::Axis::rows : pruning::Axis::columns;
  return environment.enqueue(
      environment.lane(kCpuLane), info[1].As<Napi::Object>(),
      [=, group = size_at(request, "group"), pool = environment.pool(0)](Control& control) {
        state->norms = pruning::group_norms(state->weights, axis, group, *pool, control);
      },
      [state](Napi::Env env) -> Napi::Value {
        const Napi::Array result = Napi::Array::New(env);
        for (const std::vector<double>& norms : state->norms)
          result.Set(result.Length(), double_array(env, norms));
        return result;
      });
}

Napi::Value inspect_weights(Environment& environment, const Napi::CallbackInfo& info) {
  struct State {
    std::vector<WeightSource> weights;
    std::vector<pruning::WeightReport> reports;
  };
  auto state = std::make_shared<State>(State{weight_sources(info[0].As<Napi::Object>(), "weights"), {}});
  return environment.enqueue(
      environment.lane(kCpuLane), info[1].As<Napi::Object>(),
      [state, pool = environment.pool(0)](Control& control) {
        state->reports = pruning::inspect(state->weights, *pool, control);
      },
      [state](Napi::Env env) -> Napi::Value {
        const Napi::Array result = Napi::Array::New(env);
        for (const pruning::WeightReport& report : state->reports) {
          Napi::Object entry = Napi::Object::New(env);
          entry.Set("elements", static_cast<double>(report.elements));
          entry.Set("zeros", static_cast<double>(report.zeros));
          entry.Set("twoOfFour", report.two_of_four);
          entry.Set("firstOffendingRow", static_cast<double>(report.first_offending_row));
          result.Set(result.Length(), entry);
        }
        return result;
      });
}

/// Absent: none.
std::vector<std::byte> bytes_at(const Napi::Object& object, const char* key) {
  if (!has(object, key)) return {};
  const auto array = object.Get(key).As<Napi::Uint8Array>();
  const auto* first = reinterpret_cast<const std::byte*>(array.Data());
  return std::vector<std::byte>(first, first + array.ElementLength());
}

WrittenTensor::As as_from(const Napi::Object& object) {
  if (!has(object, "as")) return WrittenTensor::As::stored;
  const std::string name = text_at(object, "as");
  if (name == "float32") return WrittenTensor::As::floats;
  return name == "float32Transposed" ? WrittenTensor::As::transposed_floats : WrittenTensor::As::stored;
}

std::vector<WrittenTensor> written_tensors(const Napi::Array& array) {
  std::vector<WrittenTensor> tensors;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(array.Env());
    const auto object = array.Get(i).As<Napi::Object>();
    tensors.push_back({bytes_at(object, "before"), weight_source(object), as_from(object)});
  }
  return tensors;
}

Napi::Value write_file(Environment& environment, const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  return environment.enqueue(
      environment.lane(kCpuLane), info[1].As<Napi::Object>(),
      [path = text_at(request, "path"), header = bytes_at(request, "header"),
       tensors = written_tensors(request.Get("tensors").As<Napi::Array>())](Control& control) {
        write_tensors(path, header, tensors, control);
      },
      [](Napi::Env env) { return env.Undefined(); });
}

Napi::Value random_scores(const Napi::CallbackInfo& info) {
  const pruning::Draw draw{static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()),
                           static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value()), 0};
  std::vector<double> scores(info[2].As<Napi::Number>().Uint32Value());
  for (size_t i = 0; i < scores.size(); ++i) scores[i] = pruning::random_at(draw, i);
  return double_array(info.Env(), scores);
}

}  // namespace

void bind_pruning(Environment& environment, Napi::Object& exports) {
  add_method(exports, "selectWeights",
             [&](const Napi::CallbackInfo& info) { return select_weights(environment, info); });
  add_method(exports, "groupNorms",
             [&](const Napi::CallbackInfo& info) { return group_norms(environment, info); });
  add_method(exports, "inspectWeights",
             [&](const Napi::CallbackInfo& info) { return inspect_weights(environment, info); });
  add_method(exports, "writeTensors",
             [&](const Napi::CallbackInfo& info) { return write_file(environment, info); });
  add_method(exports, "randomScores", random_scores);
}

}  // namespace twofour::node

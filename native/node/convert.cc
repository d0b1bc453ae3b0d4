#include "node/convert.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "backend/formats.h"
#include "backend/pooling.h"

namespace twofour::node {
namespace {

/// Below this a copy is cheaper than an external buffer's bookkeeping.
constexpr size_t kSmall = size_t{64} << 10;

template <class To, class From>
std::vector<To> copied(const Napi::Value& value) {
  const auto array = value.As<From>();
  return std::vector<To>(array.Data(), array.Data() + array.ElementLength());
}

template <class Array, class T>
Array typed_array(Napi::Env env, const std::vector<T>& values) {
  Array array = Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(T));
  return array;
}

std::vector<size_t> sizes(const Napi::Array& array) {
  std::vector<size_t> out;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    out.push_back(static_cast<size_t>(array.Get(i).As<Napi::Number>().DoubleValue()));
  }
  return out;
}

LayerSpec layer_spec(const Napi::Object& object) {
  LayerSpec layer{size_at(object, "weights"), {}, size_at(object, "inner")};
  for (const size_t head : sizes(object.Get("heads").As<Napi::Array>()))
    layer.heads.push_back(static_cast<int32_t>(head));
  return layer;
}

HeadInput head_input(const std::string& name) {
  if (name == "first") return HeadInput::first;
  return name == "pooled" ? HeadInput::pooled : HeadInput::tokens;
}

HeadSpec head_spec(const Napi::Object& object) {
  HeadSpec head{size_at(object, "labels"), head_input(text_at(object, "input")), std::nullopt};
  if (has(object, "transform")) {
    const Napi::Object transform = object_at(object, "transform");
    head.transform = {size_at(transform, "size"), activation_from(text_at(transform, "activation")),
                      flag_at(transform, "norm")};
  }
  return head;
}

std::vector<Pooling> poolings_of(const Napi::Array& names) {
  std::vector<Pooling> poolings;
  for (uint32_t i = 0; i < names.Length(); ++i)
    poolings.push_back(pooling_from(std::string(names.Get(i).As<Napi::String>())));
  return poolings;
}

}  // namespace

double number_at(const Napi::Object& object, const char* key) {
  return object.Get(key).As<Napi::Number>().DoubleValue();
}
size_t size_at(const Napi::Object& object, const char* key) {
  return static_cast<size_t>(number_at(object, key));
}
bool flag_at(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  return value.IsBoolean() && value.As<Napi::Boolean>();
}
std::string text_at(const Napi::Object& object, const char* key) {
  return object.Get(key).As<Napi::String>();
}
Napi::Object object_at(const Napi::Object& object, const char* key) {
  return object.Get(key).As<Napi::Object>();
}
bool has(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  return !value.IsUndefined() && !value.IsNull();
}

std::vector<int32_t> ints_at(const Napi::Object& object, const char* key) {
  return copied<int32_t, Napi::Int32Array>(object.Get(key));
}
std::vector<float> floats_at(const Napi::Object& object, const char* key) {
  return copied<float, Napi::Float32Array>(object.Get(key));
}

WeightSource weight_source(const Napi::Object& object) {
  WeightSource source;
  source.name = text_at(object, "name");
  source.dtype = dtype_from(text_at(object, "dtype"));
  source.shape = sizes(object.Get("shape").As<Napi::Array>());
  if (has(object, "path")) {
    source.path = text_at(object, "path");
    source.begin = static_cast<uint64_t>(number_at(object, "begin"));
    source.file_size = static_cast<uint64_t>(number_at(object, "fileSize"));
  } else {
    const auto data = object.Get("data").As<Napi::Uint8Array>();
    source.data.resize(data.ElementLength());
    if (!source.data.empty()) std::memcpy(source.data.data(), data.Data(), source.data.size());
  }
  if (has(object, "bits")) source.bits = copied<uint8_t, Napi::Uint8Array>(object.Get("bits"));
  if (has(object, "rows")) source.rows = ints_at(object, "rows");
  if (has(object, "columns")) source.columns = ints_at(object, "columns");
  source.remove = !has(object, "form") || text_at(object, "form") == "remove";
  return source;
}

std::vector<WeightSource> weight_sources(const Napi::Object& object, const char* key) {
  const auto array = object.Get(key).As<Napi::Array>();
  std::vector<WeightSource> sources;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(object.Env());
    sources.push_back(weight_source(array.Get(i).As<Napi::Object>()));
  }
  return sources;
}

WeightSources named_weight_sources(const Napi::Object& object) {
  WeightSources sources;
  const Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::HandleScope scope(object.Env());
    const std::string name = names.Get(i).As<Napi::String>();
    sources.emplace(name, weight_source(object.Get(name).As<Napi::Object>()));
  }
  return sources;
}

EncoderSpec encoder_spec(const Napi::Object& object) {
  EncoderSpec spec{};
  spec.vocab = size_at(object, "vocab");
  spec.hidden = size_at(object, "hidden");
  spec.embedding = size_at(object, "embedding");
  spec.projection = flag_at(object, "projection");
  spec.positions = size_at(object, "positions");
  if (has(object, "positionPadding"))
    spec.position_padding = static_cast<int32_t>(size_at(object, "positionPadding"));
  spec.token_types = size_at(object, "tokenTypes");
  spec.head_size = size_at(object, "headSize");
  spec.original_heads = size_at(object, "originalHeads");
  spec.epsilon = static_cast<float>(number_at(object, "epsilon"));
  spec.activation = activation_from(text_at(object, "activation"));
  if (has(object, "relative")) {
    const Napi::Object relative = object_at(object, "relative");
    spec.relative = {size_at(relative, "buckets"), size_at(relative, "maxDistance")};
  }
  const auto layers = object.Get("layers").As<Napi::Array>();
  for (uint32_t i = 0; i < layers.Length(); ++i)
    spec.layers.push_back(layer_spec(layers.Get(i).As<Napi::Object>()));
  spec.layers_per_state = size_at(object, "layersPerState");
  spec.pooler = flag_at(object, "pooler");
  if (has(object, "head")) spec.head = head_spec(object_at(object, "head"));
  return spec;
}

PackSettings pack_settings(const Napi::Object& object) {
  PackSettings settings;
  settings.format = format_from(text_at(object, "dtype"));
  settings.sparsity = sparsity_from(text_at(object, "sparsity"));
  const auto slots = object.Get("float32").As<Napi::Array>();
  for (uint32_t i = 0; i < slots.Length(); ++i) settings.float32.insert(slots.Get(i).As<Napi::String>());
  return settings;
}

CudaLibraries cuda_libraries(const Napi::Object& object) {
  return {.cublaslt = text_at(object, "cublaslt"), .cusparselt = text_at(object, "cusparselt")};
}

Tuning tuning_of(const Napi::Object& object) {
  std::vector<Measurement> known;
  const auto list = object.Get("known").As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const auto entry = list.Get(i).As<Napi::Object>();
    known.push_back({.rows = size_at(entry, "rows"),
                     .columns = size_at(entry, "columns"),
                     .kept = size_at(entry, "kept"),
                     .dense = text_at(entry, "dense"),
                     .sparse = text_at(entry, "sparse"),
                     .tokens = size_at(entry, "tokens"),
                     .dense_us = number_at(entry, "denseMicroseconds"),
                     .sparse_us = has(entry, "sparseMicroseconds") ? number_at(entry, "sparseMicroseconds")
                                                                   : std::numeric_limits<double>::quiet_NaN(),
                     .epilogue = has(entry, "epilogue") ? text_at(entry, "epilogue") : "",
                     .algorithm = has(entry, "algorithm") ? text_at(entry, "algorithm") : ""});
  }
  return {std::move(known), number_at(object, "budget")};
}

Napi::Object measurement_object(Napi::Env env, const Measurement& measurement) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("rows", static_cast<double>(measurement.rows));
  object.Set("columns", static_cast<double>(measurement.columns));
  object.Set("kept", static_cast<double>(measurement.kept));
  object.Set("dense", measurement.dense);
  object.Set("sparse", measurement.sparse);
  object.Set("tokens", static_cast<double>(measurement.tokens));
  object.Set("denseMicroseconds", measurement.dense_us);
  if (!std::isnan(measurement.sparse_us)) object.Set("sparseMicroseconds", measurement.sparse_us);
  if (!measurement.epilogue.empty()) object.Set("epilogue", measurement.epilogue);
  if (!measurement.algorithm.empty()) object.Set("algorithm", measurement.algorithm);
  return object;
}

RunRequest run_request(const Napi::Object& object) {
  RunRequest request;
  request.ids = ints_at(object, "ids");
  request.types = ints_at(object, "types");
  request.offsets = ints_at(object, "offsets");
  request.last_hidden_state = flag_at(object, "lastHiddenState");
  request.pooled = flag_at(object, "pooled");
  request.logits = flag_at(object, "logits");
  request.hidden_states = flag_at(object, "hiddenStates");
  const Napi::Value rows = object.Get("logitRows"), sentence = object.Get("sentence");
  if (rows.IsTypedArray()) request.logit_rows = copied<int32_t, Napi::Int32Array>(rows);
  if (sentence.IsObject()) {
    const auto settings = sentence.As<Napi::Object>();
    request.sentence = {poolings_of(settings.Get("poolings").As<Napi::Array>()),
                        flag_at(settings, "normalize"), static_cast<uint32_t>(size_at(settings, "skip"))};
  }
  return request;
}

Napi::Float32Array float_array(Napi::Env env, std::vector<float>&& values) {
  if (values.size() * sizeof(float) <= kSmall) return typed_array<Napi::Float32Array>(env, values);
  auto* owned = new std::vector<float>(std::move(values));
  const auto buffer = Napi::ArrayBuffer::New(
      env, owned->data(), owned->size() * sizeof(float),
      [](Napi::Env, void*, std::vector<float>* vector) { delete vector; }, owned);
  return Napi::Float32Array::New(env, owned->size(), buffer, 0);
}
Napi::Uint8Array byte_array(Napi::Env env, const std::vector<uint8_t>& values) {
  return typed_array<Napi::Uint8Array>(env, values);
}
Napi::Float64Array double_array(Napi::Env env, const std::vector<double>& values) {
  return typed_array<Napi::Float64Array>(env, values);
}
Napi::Array number_array(Napi::Env env, const std::vector<size_t>& values) {
  const Napi::Array array = Napi::Array::New(env, values.size());
  for (uint32_t i = 0; i < values.size(); ++i) array.Set(i, static_cast<double>(values[i]));
  return array;
}

}  // namespace twofour::node

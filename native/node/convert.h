#pragma once
#include <string>
#include <vector>

#include "base/weight_source.h"
#include "engine/encoder.h"
#include "node/napi.h"
#include "node/plugin_report.h"

/// JavaScript values → plain structs, on the JavaScript thread, before work starts. What crosses was checked
/// by lib/; a value of the wrong type is a bug there and throws a TypeError by N-API's own accessors.
namespace twofour::node {

size_t size_at(const Napi::Object& object, const char* key);
double number_at(const Napi::Object& object, const char* key);
bool flag_at(const Napi::Object& object, const char* key);
std::string text_at(const Napi::Object& object, const char* key);
Napi::Object object_at(const Napi::Object& object, const char* key);
/// Absent, undefined and null count as not there.
bool has(const Napi::Object& object, const char* key);

std::vector<int32_t> ints_at(const Napi::Object& object, const char* key);
std::vector<float> floats_at(const Napi::Object& object, const char* key);

WeightSource weight_source(const Napi::Object& object);
std::vector<WeightSource> weight_sources(const Napi::Object& object, const char* key);
WeightSources named_weight_sources(const Napi::Object& object);
EncoderSpec encoder_spec(const Napi::Object& object);
PackSettings pack_settings(const Napi::Object& object);
CudaLibraries cuda_libraries(const Napi::Object& object);
Tuning tuning_of(const Napi::Object& object);
Napi::Object measurement_object(Napi::Env env, const Measurement& measurement);
RunRequest run_request(const Napi::Object& object);

/// Moves the numbers out without a copy where they are many.
Napi::Float32Array float_array(Napi::Env env, std::vector<float>&& values);
Napi::Uint8Array byte_array(Napi::Env env, const std::vector<uint8_t>& values);
Napi::Float64Array double_array(Napi::Env env, const std::vector<double>& values);
Napi::Array number_array(Napi::Env env, const std::vector<size_t>& values);

}  // namespace twofour::node

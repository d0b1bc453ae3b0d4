#include <chrono>
#include <cmath>
#include <limits>

#include "backend/analysis.h"
#include "backend/formats.h"
#include "backend/pooling.h"
#include "base/cpu_count.h"
#include "node/backends.h"
#include "node/bindings.h"
#include "node/convert.h"

/// The verbs one by one, for parity tests: each call makes its backend, its inputs and its output, on the
/// JavaScript thread, and downloads.
namespace twofour::node {
namespace {

using Tensor = std::unique_ptr<Activations>;

struct Bench {
  explicit Bench(const Napi::CallbackInfo& info)
      // Not the environment's: that one may be at work on a lane.
      : pool(std::make_unique<ThreadPool>(count_cpus().usable())),
        request(info[1].As<Napi::Object>()),
        backend(make_backend(info[0].As<Napi::String>(), pool.get(), libraries(), devices)) {
    if (has(request, "storage")) store_as(format_from(text_at(request, "storage")));
    if (has(request, "reader")) reader = packed_reader(object_at(request, "reader"));
  }

  std::unique_ptr<PackedLinear> packed_reader(const Napi::Object& from) const {
    const std::vector<float> weight = floats_at(from, "weight"), bias = floats_at(from, "bias");
    Tuning nothing{{}, 0};
    return backend->pack({.weight = matrix_in(weight, size_at(from, "rows"), size_at(from, "columns")),
                          .bias = bias,
                          .format = format_from(text_at(from, "format")),
                          .sparsity = Sparsity::off,
                          .tuning = &nothing});
  }

  /// A backend stores activations as the linears that it has packed want them.
  void store_as(Format format) const {
    const std::vector<float> one{1};
    Tuning nothing{{}, 0};
    backend->pack({.weight = matrix_in(one, 1, 1),
                   .bias = one,
                   .format = format,
                   .sparsity = Sparsity::off,
                   .tuning = &nothing});
  }
  Tensor blank(size_t tokens, size_t width) const {
    const PackedLinear* one = reader.get();
    const bool read = reader != nullptr;
    return backend->activations(tokens, width, {.linears = std::span(&one, read ? 1 : 0), .plain = !read});
  }
  Tensor upload(const char* key, size_t tokens, size_t width, const PackedLinear* linear = nullptr) const {
    const Readers readers{.linears = std::span(&linear, linear == nullptr ? 0 : 1),
                          .plain = linear == nullptr};
    Tensor out = backend->activations(tokens, width, readers);
    backend->upload(floats_at(request, key), *out);
    return out;
  }
  std::unique_ptr<Table> table(const char* key, size_t rows, size_t columns) const {
    const std::vector<float> values = floats_at(request, key);
    return backend->table(matrix_in(values, rows, columns));
  }
  std::unique_ptr<Batch> batch(size_t tokens) const {
    const std::vector<int32_t> zeros(tokens, 0), offsets = ints_at(request, "offsets");
    return backend->batch({.ids = zeros, .types = zeros, .positions = zeros, .offsets = offsets});
  }
  /// Of a verb; where there is a reader, what that makes of it.
  Napi::Value result(const Activations& made) const {
    if (reader == nullptr) return downloaded(made);
    const Tensor out = backend->activations(made.tokens(), reader->rows(), {.linears = {}, .plain = true});
    backend->linear(*reader, made, {}, *out);
    return downloaded(*out);
  }
  Napi::Value downloaded(const Activations& out) const {
    std::vector<float> values(out.tokens() * out.width());
    backend->download(out, values);
    return float_array(request.Env(), std::move(values));
  }
  /// Without any, the loader looks for them by their names.
  CudaLibraries libraries() const {
    if (has(request, "libraries")) return cuda_libraries(object_at(request, "libraries"));
    return {.cublaslt = "libcublasLt.so.13", .cusparselt = "libcusparseLt.so.0"};
  }
  size_t size(const char* key) const { return size_at(request, key); }
  size_t count(const char* key) const { return floats_at(request, key).size(); }

  std::unique_ptr<ThreadPool> pool;
  OpenDevices devices;  ///< Likewise.
  Napi::Object request;
  std::unique_ptr<Backend> backend;
  /// The linear that the verb's output is made for, alone.
  std::unique_ptr<PackedLinear> reader;
};

/// A matrix with what it is multiplied with, so that it can be run more than once.
struct Linear {
  explicit Linear(const Bench& bench)
      : matrix(packed(bench, floats_at(bench.request, "weight"), floats_at(bench.request, "bias"))),
        in(bench.upload("input", bench.size("tokens"), bench.size("columns"), matrix.get())),
        out(bench.blank(bench.size("tokens"), bench.size("rows"))),
        residual(has(bench.request, "residual")
                     ? bench.upload("residual", bench.size("tokens"), bench.size("rows"))
                     : nullptr) {
    if (has(bench.request, "activation")) activation = activation_from(text_at(bench.request, "activation"));
    const LinearUse use{matrix.get(), activation, residual != nullptr};
    if (bench.request.Get("sparsity").As<Napi::String>().Utf8Value() == "auto")
      bench.backend->tune({&use, 1}, in->tokens(), tuning, [] {});
  }
  std::unique_ptr<PackedLinear> packed(const Bench& bench, const std::vector<float>& weight,
                                       const std::vector<float>& bias) {
    return bench.backend->pack({.weight = matrix_in(weight, bench.size("rows"), bench.size("columns")),
                                .bias = bias,
                                .format = format_from(text_at(bench.request, "format")),
                                .sparsity = sparsity_from(text_at(bench.request, "sparsity")),
                                .tuning = &tuning});
  }
  void run(const Bench& bench) const {
    bench.backend->linear(*matrix, *in, {.activation = activation, .residual = residual.get()}, *out);
  }

  Tuning tuning{{}, std::numeric_limits<double>::infinity()};
  std::unique_ptr<PackedLinear> matrix;
  Tensor in, out, residual;
  Activation activation = Activation::none;
};

Napi::Value linear(const Bench& bench) {
  const Linear call(bench);
  call.run(bench);
  return bench.result(*call.out);
}

/// Seconds of each of `repeats` runs, packing and conversion left out.
Napi::Value time_linear(const Bench& bench) {
  const Linear call(bench);
  std::vector<double> seconds(bench.size("repeats"));
  for (double& each : seconds) {
    const auto begin = std::chrono::steady_clock::now();
    call.run(bench);
    each = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  return double_array(bench.request.Env(), seconds);
}

std::unique_ptr<Norm> norm_of(const Bench& bench) {
  return bench.backend->norm(floats_at(bench.request, "gain"), floats_at(bench.request, "bias"),
                             static_cast<float>(number_at(bench.request, "epsilon")));
}

Napi::Value layer_norm(const Bench& bench) {
  const size_t tokens = bench.size("tokens"), width = bench.size("width");
  const Tensor in = bench.upload("input", tokens, width), out = bench.blank(tokens, width);
  bench.backend->layer_norm(*in, *norm_of(bench), *out);
  return bench.result(*out);
}

struct AttentionCall {
  explicit AttentionCall(const Bench& bench)
      : offsets(ints_at(bench.request, "offsets")),
        tokens(static_cast<size_t>(offsets.back())),
        batch(bench.batch(tokens)),
        attention{.heads = bench.size("heads"),
                  .head_size = bench.size("headSize"),
                  .scale = 1.0f / std::sqrt(static_cast<float>(bench.size("headSize"))),
                  .span = bench.size("span")},
        in(bench.upload("qkv", tokens, 3 * attention.heads * attention.head_size)) {
    if (has(bench.request, "bias")) bias = bench.table("bias", attention.heads, 2 * attention.span - 1);
    attention.bias = bias.get();
  }

  std::vector<int32_t> offsets;
  size_t tokens;
  std::unique_ptr<Batch> batch;
  Attention attention;
  Tensor in;
  std::unique_ptr<Table> bias;
};

Napi::Value attention(const Bench& bench) {
  const AttentionCall call(bench);
  const Tensor out = bench.blank(call.tokens, call.attention.heads * call.attention.head_size);
  bench.backend->attention(*call.batch, *call.in, call.attention, *out);
  return bench.result(*out);
}

Napi::Value pool(const Bench& bench) {
  const std::vector<int32_t> offsets = ints_at(bench.request, "offsets");
  const size_t tokens = static_cast<size_t>(offsets.back()), width = bench.size("width");
  const Tensor in = bench.upload("input", tokens, width), out = bench.blank(offsets.size() - 1, width);
  const PoolRule rule{pooling_from(text_at(bench.request, "pooling")), flag_at(bench.request, "normalize"),
                      static_cast<uint32_t>(bench.size("skip"))};
  bench.backend->pool(*bench.batch(tokens), *in, rule, *out);
  return bench.result(*out);
}

Napi::Value gather(const Bench& bench) {
  const std::vector<int32_t> rows = ints_at(bench.request, "rows");
  const size_t width = bench.size("width");
  const Tensor in = bench.upload("input", bench.size("tokens"), width), out = bench.blank(rows.size(), width);
  bench.backend->gather(*in, rows, *out);
  return bench.result(*out);
}

Napi::Value embed(const Bench& bench) {
  const size_t width = bench.size("width");
  const auto table = [&](const char* key) {
    return bench.table(key, width == 0 ? 0 : bench.count(key) / width, width);
  };
  const auto word = table("word"), position = table("position");
  const auto type = bench.count("type") > 0 ? table("type") : nullptr;
  const std::vector<int32_t> ids = ints_at(bench.request, "ids"),
                             positions = ints_at(bench.request, "positions"),
                             types = ints_at(bench.request, "types"),
                             offsets = ints_at(bench.request, "offsets");
  const auto batch =
      bench.backend->batch({.ids = ids, .types = types, .positions = positions, .offsets = offsets});
  const Tensor out = bench.blank(ids.size(), width);
  bench.backend->embed(*batch, *word, *position, type.get(), *norm_of(bench), *out);
  return bench.result(*out);
}

Analysis& analysis_of(const Bench& bench) {
  Analysis* analysis = bench.backend->analysis();
  if (analysis == nullptr) throw Error("DEVICE_UNAVAILABLE", bench.backend->name() + " has no such verb.");
  return *analysis;
}

/// Adds to the sums that it is given.
Napi::Value add_products(const Bench& bench) {
  const size_t tokens = bench.size("tokens"), columns = bench.size("columns");
  const bool same = !has(bench.request, "b");
  const size_t others = same ? columns : bench.size("otherColumns");
  const Tensor a = bench.upload("a", tokens, columns), b = same ? nullptr : bench.upload("b", tokens, others);
  std::vector<float> sums = floats_at(bench.request, "sums");
  analysis_of(bench).add_products(*a, same ? *a : *b, sums);
  return float_array(bench.request.Env(), std::move(sums));
}

Napi::Value activate(const Bench& bench) {
  const Tensor values = bench.upload("input", bench.size("tokens"), bench.size("width"));
  analysis_of(bench).activate(*values, activation_from(text_at(bench.request, "activation")), *values);
  return bench.result(*values);
}

Napi::Value scale_groups(const Bench& bench) {
  const size_t tokens = bench.size("tokens"), width = bench.size("width");
  const Tensor in = bench.upload("input", tokens, width), out = bench.blank(tokens, width);
  const std::vector<float> factors = floats_at(bench.request, "factors");
  analysis_of(bench).scale_groups(*in, factors, bench.size("group"), *out);
  return bench.result(*out);
}

Napi::Value sum(const Bench& bench) {
  const size_t tokens = bench.size("tokens"), width = bench.size("width");
  const Tensor a = bench.upload("a", tokens, width), b = bench.upload("b", tokens, width),
               out = bench.blank(tokens, width);
  analysis_of(bench).add(*a, *b, *out);
  return bench.result(*out);
}

/// Of all sequences, one after another.
Napi::Value attention_probabilities(const Bench& bench) {
  const AttentionCall call(bench);
  std::vector<float> all;
  for (size_t sequence = 0; sequence + 1 < call.offsets.size(); ++sequence) {
    const auto tokens = static_cast<size_t>(call.offsets[sequence + 1] - call.offsets[sequence]);
    std::vector<float> some(call.attention.heads * tokens * tokens);
    analysis_of(bench).attention_probabilities(*call.batch, sequence, *call.in, call.attention, some);
    all.insert(all.end(), some.begin(), some.end());
  }
  return float_array(bench.request.Env(), std::move(all));
}

Napi::Value activate_backward(const Bench& bench) {
  const size_t tokens = bench.size("tokens"), width = bench.size("width");
  const Tensor in = bench.upload("input", tokens, width), gradient = bench.upload("gradient", tokens, width);
  const Activation activation = activation_from(text_at(bench.request, "activation"));
  analysis_of(bench).activate_backward(*in, activation, *gradient, *gradient);
  return bench.result(*gradient);
}

Napi::Value dot_groups(const Bench& bench) {
  const size_t tokens = bench.size("tokens"), width = bench.size("width"), group = bench.size("group");
  const Tensor a = bench.upload("a", tokens, width), b = bench.upload("b", tokens, width),
               out = bench.blank(tokens, width / group);
  analysis_of(bench).dot_groups(*a, *b, group, *out);
  return bench.result(*out);
}

Napi::Value layer_norm_backward(const Bench& bench) {
  const size_t tokens = bench.size("tokens"), width = bench.size("width");
  const Tensor in = bench.upload("input", tokens, width), gradient = bench.upload("gradient", tokens, width),
               out = bench.blank(tokens, width);
  analysis_of(bench).layer_norm_backward(*in, *norm_of(bench), *gradient, *out);
  return bench.result(*out);
}

Napi::Value attention_backward(const Bench& bench) {
  const AttentionCall call(bench);
  const size_t model = call.attention.heads * call.attention.head_size;
  const Tensor gradient = bench.upload("gradient", call.tokens, model),
               out = bench.blank(call.tokens, 3 * model);
  analysis_of(bench).attention_backward(*call.batch, *call.in, call.attention, *gradient, *out);
  return bench.result(*out);
}

}  // namespace

void bind_ops(Environment&, Napi::Object& exports) {
  Napi::Object ops = Napi::Object::New(exports.Env());
  const auto add = [&](const char* name, Napi::Value (*op)(const Bench&)) {
    add_method(ops, name, [op](const Napi::CallbackInfo& info) { return op(Bench(info)); });
  };
  add("linear", linear);
  add("timeLinear", time_linear);
  add("layerNorm", layer_norm);
  add("attention", attention);
  add("pool", pool);
  add("gather", gather);
  add("embed", embed);
  add("addProducts", add_products);
  add("activate", activate);
  add("scaleGroups", scale_groups);
  add("add", sum);
  add("attentionProbabilities", attention_probabilities);
  add("activateBackward", activate_backward);
  add("dotGroups", dot_groups);
  add("layerNormBackward", layer_norm_backward);
  add("attentionBackward", attention_backward);
  add_method(ops, "devices", [](const Napi::CallbackInfo& info) -> Napi::Value {
    const Napi::Array names = Napi::Array::New(info.Env());
    for (const std::string& name : backend_names()) names.Set(names.Length(), name);
    return names;
  });
  exports.Set("ops", ops);
}

}  // namespace twofour::node

#include "cuda/plugin.h"

#include <limits>

#include "cuda/cuda_backend.h"
#include "cuda/device.h"
#include "cuda/guard.h"
#include "cuda/plugin_report.h"
#include "cuda/status.h"

/// The contract's objects as handles: a handle is the object's address, and nothing else is kept.
namespace twofour::cuda {
namespace {

using plugin::Failure;
using plugin::Status;

// One line for each kind of handle; its object's class is the base that backend.h names.
template <class Handle>
struct Kind;
template <>
struct Kind<plugin::Device> : std::type_identity<SharedDevice> {};
template <>
struct Kind<plugin::Backend> : std::type_identity<Backend> {};
template <>
struct Kind<plugin::Linear> : std::type_identity<PackedLinear> {};
template <>
struct Kind<plugin::Table> : std::type_identity<Table> {};
template <>
struct Kind<plugin::Norm> : std::type_identity<Norm> {};
template <>
struct Kind<plugin::Batch> : std::type_identity<Batch> {};
template <>
struct Kind<plugin::Activations> : std::type_identity<Activations> {};

template <class Handle>
auto& object_of(Handle* handle) {
  return *reinterpret_cast<typename Kind<Handle>::type*>(handle);
}
template <class Handle>
const auto& object_of(const Handle* handle) {
  return *reinterpret_cast<const typename Kind<Handle>::type*>(handle);
}
template <class Handle>
const auto* object_or_null(const Handle* handle) {
  return handle == nullptr ? nullptr : &object_of(handle);
}
template <class Handle>
void hand_out(Handle** handle, std::unique_ptr<typename Kind<Handle>::type> object) {
  *handle = reinterpret_cast<Handle*>(object.release());
}
template <class Handle>
void destroy(Handle* handle) {
  delete &object_of(handle);
}

/// What fails on a device that is lost fails for that, whatever it said.
template <class Body>
Status on_device(Failure* failure, Body body) {
  return guarded(failure, [&] {
    try {
      body();
    } catch (const Error& error) {
      if (std::string_view(error.code()) != "CUDA_DEVICE_LOST") check_lost("using the device");
      throw;
    }
  });
}

MatrixSource source_of(const plugin::MatrixSource& from) {
  return {from.rows, from.columns, [from](size_t first, size_t count, float* out) {
            check(from.read(from.context, first, count, out));
          }};
}

Status open(int32_t index, const plugin::LibraryPaths* paths, plugin::Device** device, Failure* failure) {
  return guarded(failure, [&] {
    check_device(index);
    hand_out(device, std::make_unique<SharedDevice>(DeviceSettings{
                         .index = index, .cublaslt = paths->cublaslt, .cusparselt = paths->cusparselt}));
  });
}

Status backend(plugin::Device* device, plugin::Backend** backend, Failure* failure) {
  return guarded(failure, [&] { hand_out<plugin::Backend>(backend, make_cuda_backend(object_of(device))); });
}

Status name(const plugin::Backend* backend, char* name, size_t capacity, Failure* failure) {
  return guarded(failure, [&] { copy_text(object_of(backend).name(), name, capacity); });
}

size_t pass_tokens(const plugin::Backend* backend) { return object_of(backend).pass_tokens(); }
Status start_clock(plugin::Backend* backend, Failure* failure) {
  return guarded(failure, [&] { static_cast<TimedBackend&>(object_of(backend)).start_clock(); });
}
Status stop_clock(plugin::Backend* backend, double* seconds, Failure* failure) {
  return guarded(failure, [&] { *seconds = static_cast<TimedBackend&>(object_of(backend)).stop_clock(); });
}

Tuning tuning_of(const plugin::Tuning& view) {
  std::vector<Measurement> known;
  for (const plugin::Measurement& m : std::span(view.known, view.known_count))
    known.push_back({m.rows, m.columns, m.kept, m.dense, m.sparse, m.tokens, m.dense_us, m.sparse_us,
                     m.epilogue, m.algorithm});
  return {std::move(known), view.budget};
}

void tell_measured(const Tuning& tuning, const plugin::Tuning& view) {
  for (const Measurement& m : tuning.measured()) {
    const plugin::Measurement told{
        m.rows,   m.columns,  m.kept,      m.dense.c_str(),    m.sparse.c_str(),
        m.tokens, m.dense_us, m.sparse_us, m.epilogue.c_str(), m.algorithm.c_str()};
    check(view.measured(view.context, &told));
  }
}

Status pack(plugin::Backend* backend, const plugin::LinearWeights* weights, plugin::Linear** linear,
            Failure* failure) {
  return on_device(failure, [&] {
    hand_out(linear, object_of(backend).pack({.weight = source_of(weights->weight),
                                              .bias = {weights->bias, weights->weight.rows},
                                              .format = static_cast<Format>(weights->format),
                                              .sparsity = static_cast<Sparsity>(weights->sparsity)}));
  });
}

Status tune(plugin::Backend* backend, const plugin::LinearUse* uses, size_t count, size_t most_tokens,
            const plugin::Tuning* view, Failure* failure) {
  return on_device(failure, [&] {
    std::vector<LinearUse> all;
    for (const auto& [linear, activation, residual] : std::span(uses, count))
      all.push_back({&object_of(linear), static_cast<Activation>(activation), residual});
    Tuning tuning = tuning_of(*view);
    object_of(backend).tune(all, most_tokens, tuning, [&] { check(view->between(view->context)); });
    tell_measured(tuning, *view);
  });
}

Status describe(const plugin::Linear* linear, const plugin::LinearSink* sink, Failure* failure) {
  return guarded(failure, [&] {
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    for (const PackedLinear::Form& form : object_of(linear).forms()) {
      const plugin::Form told{form.name.c_str(), form.bytes};
      check(sink->form(sink->context, &told));
    }
    for (const PackedLinear::Choice& choice : object_of(linear).choices()) {
      const plugin::Choice told{choice.tokens.value_or(0), choice.form.c_str(),
                                choice.dense_us.value_or(kUnknown), choice.sparse_us.value_or(kUnknown),
                                choice.reason.c_str()};
      check(sink->choice(sink->context, &told));
    }
    const std::optional<PackedLinear::Scales> scales = object_of(linear).scales();
    if (!scales) return;
    check(sink->scales(sink->context, scales->has_tensor, scales->reason.c_str()));
    for (const PackedLinear::Scales::Choice& choice : scales->choices) {
      const plugin::ScaleChoice told{choice.tokens.value_or(0), static_cast<uint8_t>(choice.chosen),
                                     choice.token_us.value_or(kUnknown), choice.tensor_us.value_or(kUnknown),
                                     choice.reason.c_str()};
      check(sink->scale_choice(sink->context, &told));
    }
  });
}

size_t nonzeros(const plugin::Linear* linear) { return object_of(linear).nonzeros(); }
void hold_dense(plugin::Linear* linear, bool hold) { object_of(linear).hold_dense(hold); }
Status revert(plugin::Linear* linear, size_t tokens, const char* reason, Failure* failure) {
  return guarded(
      failure, [&] { object_of(linear).revert(tokens == 0 ? std::nullopt : std::optional(tokens), reason); });
}
void settle(plugin::Linear* linear) { object_of(linear).settle(); }
Status calibrate(plugin::Linear* linear, const plugin::Calibration* seen, Failure* failure) {
  return on_device(failure, [&] {
    object_of(linear).calibrate({.largest = seen->largest,
                                 .activation = static_cast<Activation>(seen->activation),
                                 .residual = seen->residual});
  });
}
void hold_scaling(plugin::Linear* linear, int32_t scaling) {
  object_of(linear).hold_scaling(scaling < 0 ? std::nullopt : std::optional(static_cast<Scaling>(scaling)));
}

Status table(plugin::Backend* backend, const plugin::MatrixSource* values, plugin::Table** table,
             Failure* failure) {
  return on_device(failure, [&] { hand_out(table, object_of(backend).table(source_of(*values))); });
}

size_t table_bytes(const plugin::Table* table) { return object_of(table).bytes(); }

Status norm(plugin::Backend* backend, const float* gain, const float* bias, size_t width, float epsilon,
            plugin::Norm** norm, Failure* failure) {
  return on_device(failure,
                   [&] { hand_out(norm, object_of(backend).norm({gain, width}, {bias, width}, epsilon)); });
}

size_t norm_bytes(const plugin::Norm* norm) { return object_of(norm).bytes(); }

Status batch(plugin::Backend* backend, const plugin::BatchView* view, plugin::Batch** batch,
             Failure* failure) {
  return on_device(failure, [&] {
    hand_out(batch, object_of(backend).batch({.ids = {view->ids, view->tokens},
                                              .types = {view->types, view->types ? view->tokens : 0},
                                              .positions = {view->positions, view->tokens},
                                              .offsets = {view->offsets, view->sequences + 1}}));
  });
}

Status activations(plugin::Backend* backend, size_t tokens, size_t width, const plugin::Readers* readers,
                   plugin::Activations** activations, Failure* failure) {
  return on_device(failure, [&] {
    std::vector<const PackedLinear*> linears;
    for (const plugin::Linear* linear : std::span(readers->linears, readers->count))
      linears.push_back(&object_of(linear));
    const Readers all{.linears = linears, .plain = readers->plain};
    hand_out(activations, object_of(backend).activations(tokens, width, all));
  });
}

size_t tokens(const plugin::Activations* activations) { return object_of(activations).tokens(); }
size_t width(const plugin::Activations* activations) { return object_of(activations).width(); }

Status repeat(plugin::Backend* backend, const plugin::Batch* batch, void* context,
              plugin::Answer (*body)(void* context, plugin::Activations** made), plugin::Activations** result,
              Failure* failure) {
  return guarded(failure, [&] {
    const auto run = [&] {
      plugin::Activations* made = nullptr;
      const plugin::Answer answer = body(context, &made);
      std::unique_ptr<Activations> owned(made == nullptr ? nullptr : &object_of(made));
      check(answer);
      return owned;
    };
    hand_out(result, object_of(backend).repeat(object_of(batch), run));
  });
}

Status embed(plugin::Backend* backend, const plugin::Batch* batch, const plugin::Table* word,
             const plugin::Table* position, const plugin::Table* type, const plugin::Norm* norm,
             plugin::Activations* out, Failure* failure) {
  return on_device(failure, [&] {
    object_of(backend).embed(object_of(batch), object_of(word), object_of(position), object_or_null(type),
                             object_of(norm), object_of(out));
  });
}

Status linear(plugin::Backend* backend, const plugin::Linear* linear, const plugin::Activations* in,
              uint8_t activation, const plugin::Activations* residual, plugin::Activations* out,
              Failure* failure) {
  return on_device(failure, [&] {
    const Epilogue epilogue{.activation = static_cast<Activation>(activation),
                            .residual = object_or_null(residual)};
    object_of(backend).linear(object_of(linear), object_of(in), epilogue, object_of(out));
  });
}

Status layer_norm(plugin::Backend* backend, const plugin::Activations* in, const plugin::Norm* norm,
                  plugin::Activations* out, Failure* failure) {
  return on_device(failure,
                   [&] { object_of(backend).layer_norm(object_of(in), object_of(norm), object_of(out)); });
}

Status attention(plugin::Backend* backend, const plugin::Batch* batch, const plugin::Activations* in,
                 const plugin::Attention* attention, plugin::Activations* out, Failure* failure) {
  return on_device(failure, [&] {
    const Attention view{.heads = attention->heads,
                         .head_size = attention->head_size,
                         .scale = attention->scale,
                         .bias = object_or_null(attention->bias),
                         .span = attention->span};
    object_of(backend).attention(object_of(batch), object_of(in), view, object_of(out));
  });
}

Status gather(plugin::Backend* backend, const plugin::Activations* in, const int32_t* rows, size_t count,
              plugin::Activations* out, Failure* failure) {
  return on_device(failure, [&] { object_of(backend).gather(object_of(in), {rows, count}, object_of(out)); });
}

Status pool(plugin::Backend* backend, const plugin::Batch* batch, const plugin::Activations* in,
            uint8_t pooling, bool normalize, uint32_t skip, plugin::Activations* out, Failure* failure) {
  return on_device(failure, [&] {
    object_of(backend).pool(object_of(batch), object_of(in), {static_cast<Pooling>(pooling), normalize, skip},
                            object_of(out));
  });
}

Status upload(plugin::Backend* backend, const float* values, size_t count, plugin::Activations* out,
              Failure* failure) {
  return on_device(failure, [&] { object_of(backend).upload({values, count}, object_of(out)); });
}

Status download(plugin::Backend* backend, const plugin::Activations* in, float* out, size_t count,
                Failure* failure) {
  return on_device(failure, [&] { object_of(backend).download(object_of(in), {out, count}); });
}

Status largest(plugin::Backend* backend, const plugin::Activations* in, float* largest, Failure* failure) {
  return on_device(failure, [&] { *largest = object_of(backend).largest(object_of(in)); });
}

constexpr plugin::Functions kFunctions{
    .version = plugin::kVersion,
    .report = report,
    .open = open,
    .close = destroy<plugin::Device>,
    .backend = backend,
    .destroy_backend = destroy<plugin::Backend>,
    .name = name,
    .pass_tokens = pass_tokens,
    .start_clock = start_clock,
    .stop_clock = stop_clock,
    .pack = pack,
    .tune = tune,
    .describe = describe,
    .nonzeros = nonzeros,
    .hold_dense = hold_dense,
    .revert = revert,
    .settle = settle,
    .calibrate = calibrate,
    .hold_scaling = hold_scaling,
    .destroy_linear = destroy<plugin::Linear>,
    .table = table,
    .table_bytes = table_bytes,
    .destroy_table = destroy<plugin::Table>,
    .norm = norm,
    .norm_bytes = norm_bytes,
    .destroy_norm = destroy<plugin::Norm>,
    .batch = batch,
    .destroy_batch = destroy<plugin::Batch>,
    .activations = activations,
    .tokens = tokens,
    .width = width,
    .destroy_activations = destroy<plugin::Activations>,
    .repeat = repeat,
    .embed = embed,
    .linear = linear,
    .layer_norm = layer_norm,
    .attention = attention,
    .gather = gather,
    .pool = pool,
    .upload = upload,
    .download = download,
    .largest = largest,
};

}  // namespace
}  // namespace twofour::cuda

const twofour::plugin::Functions* twofour_cuda_plugin(uint32_t version) {
  return version == twofour::plugin::kVersion ? &twofour::cuda::kFunctions : nullptr;
}

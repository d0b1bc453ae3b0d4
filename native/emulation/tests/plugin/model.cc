#include "emulation/tests/plugin/model.h"

#include <dlfcn.h>
#include <unistd.h>

#include <numeric>
#include <random>

namespace twofour::emulation {
namespace {

constexpr size_t kHidden = 32, kHeads = 2, kInner = 64, kVocab = 50, kPositions = 80;

std::vector<float> noise(size_t count, uint32_t seed) {
  std::minstd_rand random(seed);
  std::uniform_real_distribution<float> uniform(-0.5f, 0.5f);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  return values;
}

/// A matrix in memory, as the plugin reads one.
struct Values {
  std::vector<float> numbers;
  size_t columns;
  plugin::MatrixSource source() {
    return {numbers.size() / columns, columns, this,
            [](void* context, size_t first, size_t count, float* to) {
              const Values& self = *static_cast<Values*>(context);
              std::copy_n(&self.numbers[first * self.columns], count * self.columns, to);
              return plugin::Answer{0};
            }};
  }
};

std::string folder() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  const std::string whole(path, length > 0 ? static_cast<size_t>(length) : 0);
  return whole.substr(0, whole.rfind('/'));
}

Owned<plugin::Backend> backend_of(const plugin::Functions& functions, plugin::Device* device) {
  plugin::Backend* backend = nullptr;
  call(functions.backend, device, &backend);
  return {backend, functions.destroy_backend};
}

}  // namespace

const plugin::Functions& plugin_functions() {
  static const plugin::Functions& functions = []() -> const plugin::Functions& {
    void* library = dlopen((folder() + "/../libtwofour_cuda_emulated.so").c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    return *reinterpret_cast<plugin::Entry>(dlsym(library, plugin::kSymbol))(plugin::kVersion);
  }();
  return functions;
}

std::shared_ptr<plugin::Device> open_device(const ModelSettings& settings) {
  const plugin::LibraryPaths paths{settings.cublaslt.c_str(), settings.cusparselt.c_str()};
  plugin::Device* device = nullptr;
  call(plugin_functions().open, settings.device, &paths, &device);
  return {device, plugin_functions().close};
}

Model::Model(const ModelSettings& settings) : Model(settings, open_device(settings)) {}

Model::Model(const ModelSettings& settings, std::shared_ptr<plugin::Device> device)
    : functions_(plugin_functions()),
      device_(std::move(device)),
      backend_(backend_of(functions_, device_.get())),
      word_(table(kVocab, 1)),
      position_(table(kPositions, 2)),
      type_(table(2, 3)),
      norm_(norm()),
      query_key_value_(linear(3 * kHidden, kHidden, settings.format, settings, 4)),
      attention_out_(linear(kHidden, kHidden, settings.format, settings, 5)),
      inner_(linear(kInner, kHidden, settings.format, settings, 6)),
      out_(linear(kHidden, kInner, settings.format, settings, 7)),
      pooler_(linear(kHidden, kHidden, Format::float32, settings, 8)) {
  tune(settings);
}

void Model::tune(const ModelSettings& settings) {
  const auto none = static_cast<uint8_t>(Activation::none), gelu = static_cast<uint8_t>(Activation::gelu);
  const plugin::LinearUse uses[] = {{query_key_value_.get(), none, false},
                                    {attention_out_.get(), none, true},
                                    {inner_.get(), gelu, false},
                                    {out_.get(), none, true}};
  plugin::Tuning tuning{};
  tuning.budget = settings.sparsity == Sparsity::automatic ? settings.budget : 0;
  tuning.context = this;
  tuning.between = [](void*) { return plugin::Answer{0}; };
  tuning.measured = [](void* context, const plugin::Measurement* measurement) {
    static_cast<Model*>(context)->measured.push_back(measurement->algorithm);
    return plugin::Answer{0};
  };
  call(functions_.tune, backend_.get(), static_cast<const plugin::LinearUse*>(uses), std::size(uses),
       settings.most_tokens, static_cast<const plugin::Tuning*>(&tuning));
}

Owned<plugin::Linear> Model::linear(size_t rows, size_t columns, Format format, const ModelSettings& settings,
                                    uint32_t seed) const {
  Values values{noise(rows * columns, seed), columns};
  for (size_t i = 0; i < values.numbers.size(); ++i) {
    if (i % 4 % 3 == 0) values.numbers[i] = 0;
  }
  const std::vector<float> bias = noise(rows, seed + 1);
  plugin::LinearWeights weights{};
  weights.weight = values.source();
  weights.bias = bias.data();
  weights.format = static_cast<uint8_t>(format);
  weights.sparsity = static_cast<uint8_t>(settings.sparsity);
  plugin::Linear* made = nullptr;
  call(functions_.pack, backend_.get(), static_cast<const plugin::LinearWeights*>(&weights), &made);
  Owned<plugin::Linear> owned(made, functions_.destroy_linear);
  if (settings.one_scale && format == settings.format) {
    plugin::Calibration seen{};
    seen.largest = 4;
    call(functions_.calibrate, made, static_cast<const plugin::Calibration*>(&seen));
    functions_.hold_scaling(made, static_cast<int32_t>(Scaling::tensor));
  }
  return owned;
}

Owned<plugin::Table> Model::table(size_t rows, uint32_t seed) const {
  Values values{noise(rows * kHidden, seed), kHidden};
  const plugin::MatrixSource source = values.source();
  plugin::Table* made = nullptr;
  call(functions_.table, backend_.get(), &source, &made);
  return {made, functions_.destroy_table};
}

Owned<plugin::Norm> Model::norm() const {
  const std::vector<float> gain(kHidden, 1.0f), bias = noise(kHidden, 9);
  plugin::Norm* made = nullptr;
  call(functions_.norm, backend_.get(), gain.data(), bias.data(), kHidden, 1e-5f, &made);
  return {made, functions_.destroy_norm};
}

Owned<plugin::Activations> Model::activations(size_t tokens, size_t width,
                                              std::vector<const plugin::Linear*> readers, bool plain) const {
  const plugin::Readers view{readers.data(), readers.size(), plain};
  plugin::Activations* made = nullptr;
  call(functions_.activations, backend_.get(), tokens, width, &view, &made);
  return {made, functions_.destroy_activations};
}

Owned<plugin::Activations> Model::apply(const plugin::Linear& linear, size_t rows,
                                        const plugin::Activations& in, size_t tokens, Activation activation,
                                        const plugin::Activations* residual,
                                        std::vector<const plugin::Linear*> readers, bool plain) const {
  Owned<plugin::Activations> made = activations(tokens, rows, std::move(readers), plain);
  call(functions_.linear, backend_.get(), &linear, &in, static_cast<uint8_t>(activation), residual,
       made.get());
  return made;
}

std::vector<float> Model::run(size_t sequences, size_t length, uint32_t seed) const {
  const size_t tokens = sequences * length;
  std::vector<int32_t> ids(tokens), types(tokens), positions(tokens), offsets(sequences + 1),
      firsts(sequences);
  for (size_t token = 0; token < tokens; ++token) {
    ids[token] = static_cast<int32_t>((token * 7 + seed * 11 + token / 3) % kVocab);
    types[token] = static_cast<int32_t>(token % 2);
    positions[token] = static_cast<int32_t>(token % length);
  }
  for (size_t i = 0; i <= sequences; ++i) offsets[i] = static_cast<int32_t>(i * length);
  std::copy_n(offsets.begin(), sequences, firsts.begin());

  plugin::Backend* backend = backend_.get();
  const plugin::BatchView view{ids.data(), types.data(), positions.data(), offsets.data(), tokens, sequences};
  plugin::Batch* made = nullptr;
  call(functions_.batch, backend, &view, &made);
  const Owned<plugin::Batch> batch(made, functions_.destroy_batch);
  const auto none = Activation::none;

  const auto in = activations(tokens, kHidden, {query_key_value_.get()}, true);
  call(functions_.embed, backend, batch.get(), word_.get(), position_.get(), type_.get(), norm_.get(),
       in.get());
  const auto qkv = apply(*query_key_value_, 3 * kHidden, *in, tokens, none, nullptr, {}, true);
  const auto context = activations(tokens, kHidden, {attention_out_.get()}, false);
  const plugin::Attention attention{kHeads, kHidden / kHeads, 0.25f, nullptr, 0};
  call(functions_.attention, backend, batch.get(), qkv.get(), &attention, context.get());
  const auto attended = apply(*attention_out_, kHidden, *context, tokens, none, in.get(), {}, true);
  const auto middle = activations(tokens, kHidden, {inner_.get()}, true);
  call(functions_.layer_norm, backend, attended.get(), norm_.get(), middle.get());
  const auto inner = apply(*inner_, kInner, *middle, tokens, Activation::gelu, nullptr, {out_.get()}, false);
  const auto expanded = apply(*out_, kHidden, *inner, tokens, none, middle.get(), {}, true);
  const auto hidden = activations(tokens, kHidden, {}, true);
  call(functions_.layer_norm, backend, expanded.get(), norm_.get(), hidden.get());

  const auto mean = activations(sequences, kHidden, {}, true);
  call(functions_.pool, backend, batch.get(), hidden.get(), static_cast<uint8_t>(Pooling::mean), true,
       uint32_t{0}, mean.get());
  const auto first = activations(sequences, kHidden, {pooler_.get()}, false);
  call(functions_.gather, backend, hidden.get(), firsts.data(), sequences, first.get());
  const auto both = apply(*pooler_, kHidden, *first, sequences, Activation::tanh, mean.get(), {}, true);
  std::vector<float> out(sequences * kHidden);
  call(functions_.download, backend, both.get(), out.data(), out.size());
  return out;
}

std::string Model::reason() const {
  std::string all;
  const plugin::LinearSink sink{
      &all, [](void*, const plugin::Form*) { return plugin::Answer{0}; },
      [](void* context, const plugin::Choice* choice) {
        static_cast<std::string*>(context)->append(choice->form).append(": ").append(choice->reason);
        return plugin::Answer{0};
      },
      nullptr, nullptr};
  call(functions_.describe, query_key_value_.get(), &sink);
  return all;
}

}  // namespace twofour::emulation

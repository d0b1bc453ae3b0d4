#include "node/plugin_backend.h"

#include "node/plugin_call.h"
#include "node/plugin_handles.h"
#include "node/plugin_pack.h"

namespace twofour::node {
namespace {

class PluginBackend final : public Backend {
 public:
  PluginBackend(const plugin::Functions& functions, std::shared_ptr<plugin::Device> device)
      : functions_(functions), device_(std::move(device)), backend_(nullptr, functions.destroy_backend) {
    plugin::Backend* backend = nullptr;
    call(functions.backend, device_.get(), &backend);
    backend_.reset(backend);
  }

  std::string name() const override {
    char text[256] = {};
    call(functions_.name, backend_.get(), text, sizeof text);
    return text;
  }
  size_t pass_tokens() const override { return functions_.pass_tokens(backend_.get()); }
  bool wants_confirmation() const override { return true; }
  double seconds(const std::function<void()>& work) override {
    double seconds = 0;
    call(functions_.start_clock, backend_.get());
    work();
    call(functions_.stop_clock, backend_.get(), &seconds);
    return seconds;
  }

  std::unique_ptr<PackedLinear> pack(const LinearWeights& weights) override {
    Source source(weights.weight);
    const plugin::LinearWeights view{.weight = source.view(),
                                     .bias = weights.bias.data(),
                                     .format = static_cast<uint8_t>(weights.format),
                                     .sparsity = static_cast<uint8_t>(weights.sparsity)};
    plugin::Linear* handle = nullptr;
    call_with(source.thrown, functions_.pack, backend_.get(), &view, &handle);
    Owned<plugin::Linear> owned(handle, functions_.destroy_linear);
    return std::make_unique<PluginLinear>(functions_, std::move(owned), weights.weight.rows,
                                          weights.weight.columns);
  }
  void tune(std::span<const LinearUse> uses, size_t most_tokens, Tuning& tuning,
            const std::function<void()>& between) override {
    std::vector<plugin::LinearUse> view;
    for (const auto& [linear, activation, residual] : uses)
      view.push_back({handle_of(*linear), static_cast<uint8_t>(activation), residual});
    Measurements measurements(tuning, between);
    const plugin::Tuning told = measurements.view();
    call_with(measurements.thrown, functions_.tune, backend_.get(),
              static_cast<const plugin::LinearUse*>(view.data()), view.size(), most_tokens, &told);
    measurements.keep();
  }
  std::unique_ptr<Table> table(const MatrixSource& values) override {
    Source source(values);
    const plugin::MatrixSource view = source.view();
    plugin::Table* handle = nullptr;
    call_with(source.thrown, functions_.table, backend_.get(), &view, &handle);
    Owned<plugin::Table> owned(handle, functions_.destroy_table);
    return std::make_unique<PluginTable>(std::move(owned), functions_.table_bytes(handle));
  }
  std::unique_ptr<Norm> norm(std::span<const float> gain, std::span<const float> bias,
                             float epsilon) override {
    plugin::Norm* handle = nullptr;
    call(functions_.norm, backend_.get(), gain.data(), bias.data(), gain.size(), epsilon, &handle);
    Owned<plugin::Norm> owned(handle, functions_.destroy_norm);
    return std::make_unique<PluginNorm>(std::move(owned), functions_.norm_bytes(handle));
  }
  std::unique_ptr<Batch> batch(const BatchView& from) override {
    const plugin::BatchView view{.ids = from.ids.data(),
                                 .types = from.types.empty() ? nullptr : from.types.data(),
                                 .positions = from.positions.data(),
                                 .offsets = from.offsets.data(),
                                 .tokens = from.ids.size(),
                                 .sequences = from.offsets.empty() ? 0 : from.offsets.size() - 1};
    plugin::Batch* handle = nullptr;
    call(functions_.batch, backend_.get(), &view, &handle);
    return std::make_unique<PluginBatch>(Owned<plugin::Batch>(handle, functions_.destroy_batch));
  }
  std::unique_ptr<Activations> activations(size_t tokens, size_t width, const Readers& readers) override {
    std::vector<const plugin::Linear*> linears;
    for (const PackedLinear* linear : readers.linears) linears.push_back(handle_of(*linear));
    const plugin::Readers view{linears.data(), linears.size(), readers.plain};
    plugin::Activations* handle = nullptr;
    call(functions_.activations, backend_.get(), tokens, width, &view, &handle);
    Owned<plugin::Activations> owned(handle, functions_.destroy_activations);
    return std::make_unique<PluginActivations>(std::move(owned), tokens, width);
  }

  std::unique_ptr<Activations> repeat(const Batch& batch,
                                      const std::function<std::unique_ptr<Activations>()>& body) override {
    struct Call {
      const std::function<std::unique_ptr<Activations>()>& body;
      std::exception_ptr thrown;
    } context{body, nullptr};
    // Called again where a recording failed: only what it threw last counts.
    const auto answer = [](void* from, plugin::Activations** made) noexcept -> plugin::Answer {
      auto& call = *static_cast<Call*>(from);
      call.thrown = nullptr;
      try {
        *made = static_cast<PluginActivations&>(*call.body()).release();
        return 0;
      } catch (...) {
        call.thrown = std::current_exception();
        return 1;
      }
    };
    plugin::Activations* handle = nullptr;
    plugin::Failure failure{};
    const plugin::Status status =
        functions_.repeat(backend_.get(), handle_of(batch), &context, answer, &handle, &failure);
    if (status != 0 && context.thrown) std::rethrow_exception(context.thrown);
    if (status != 0) throw Error(failure.code, failure.message);
    Owned<plugin::Activations> owned(handle, functions_.destroy_activations);
    return std::make_unique<PluginActivations>(std::move(owned), functions_.tokens(handle),
                                               functions_.width(handle));
  }

  void embed(const Batch& batch, const Table& word, const Table& position, const Table* type,
             const Norm& norm, Activations& out) override {
    call(functions_.embed, backend_.get(), handle_of(batch), handle_of(word), handle_of(position),
         handle_or_null(type), handle_of(norm), handle_of(out));
  }
  void linear(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue,
              Activations& out) override {
    call(functions_.linear, backend_.get(), handle_of(linear), handle_of(in),
         static_cast<uint8_t>(epilogue.activation), handle_or_null(epilogue.residual), handle_of(out));
  }
  void layer_norm(const Activations& in, const Norm& norm, Activations& out) override {
    call(functions_.layer_norm, backend_.get(), handle_of(in), handle_of(norm), handle_of(out));
  }
  void attention(const Batch& batch, const Activations& in, const Attention& attention,
                 Activations& out) override {
    const plugin::Attention view{attention.heads, attention.head_size, attention.scale,
                                 handle_or_null(attention.bias), attention.span};
    call(functions_.attention, backend_.get(), handle_of(batch), handle_of(in), &view, handle_of(out));
  }
  void gather(const Activations& in, std::span<const int32_t> rows, Activations& out) override {
    call(functions_.gather, backend_.get(), handle_of(in), rows.data(), rows.size(), handle_of(out));
  }
  void pool(const Batch& batch, const Activations& in, const PoolRule& rule, Activations& out) override {
    call(functions_.pool, backend_.get(), handle_of(batch), handle_of(in), static_cast<uint8_t>(rule.pooling),
         rule.normalize, rule.skip, handle_of(out));
  }
  void upload(std::span<const float> values, Activations& out) override {
    call(functions_.upload, backend_.get(), values.data(), values.size(), handle_of(out));
  }
  void download(const Activations& in, std::span<float> out) override {
    call(functions_.download, backend_.get(), handle_of(in), out.data(), out.size());
  }
  float largest(const Activations& in) override {
    float found = 0;
    call(functions_.largest, backend_.get(), handle_of(in), &found);
    return found;
  }

 private:
  const plugin::Functions& functions_;
  std::shared_ptr<plugin::Device> device_;
  Owned<plugin::Backend> backend_;
};

}  // namespace

std::unique_ptr<Backend> make_plugin_backend(const plugin::Functions& functions,
                                             std::shared_ptr<plugin::Device> device) {
  return std::make_unique<PluginBackend>(functions, std::move(device));
}

}  // namespace twofour::node

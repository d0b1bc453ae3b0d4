#include "cuda/cuda_backend.h"

#include <cstring>

#include "base/error.h"
#include "cuda/buckets.h"
#include "cuda/cuda_activations.h"
#include "cuda/cuda_batch.h"
#include "cuda/cuda_linear.h"
#include "cuda/pass_graphs.h"
#include "cuda/stopwatch.h"
#include "cuda/tune.h"

namespace twofour::cuda {
namespace {

/// Beyond this many tokens a pass is no faster per token on any card measured, and its activations are large.
constexpr size_t kPassTokens = 16384;
constexpr size_t kLargestHead = 128;

/// [rows, stride_of(columns)] fp32.
class CudaTable final : public Table {
 public:
  CudaTable(Context& context, const MatrixSource& values)
      : columns(values.columns), bytes_(values.rows * stride_of(values.columns) * sizeof(float)) {
    block_ = context.memory().keep(bytes_);
    const size_t stride = stride_of(columns);
    const size_t step = std::max<size_t>((size_t{1} << 20) / std::max<size_t>(stride, 1), 1);
    std::vector<float> part;
    for (size_t first = 0; first < values.rows; first += step) {
      const size_t count = std::min(step, values.rows - first);
      part.resize(count * columns);
      values.read(first, count, part.data());
      context.transfers().to_device(data_at(first), count * stride * sizeof(float), [&](void* pinned) {
        std::memset(pinned, 0, count * stride * sizeof(float));
        for (size_t row = 0; row < count; ++row)
          std::copy_n(part.data() + row * columns, columns, static_cast<float*>(pinned) + row * stride);
      });
    }
  }
  size_t bytes() const override { return bytes_; }
  const float* data() const { return block_.as<float>(); }

  const size_t columns;

 private:
  float* data_at(size_t row) const { return block_.as<float>() + row * stride_of(columns); }

  size_t bytes_;
  Arena::Block block_;
};

class CudaNorm final : public Norm {
 public:
  CudaNorm(Context& context, std::span<const float> gain, std::span<const float> bias, float epsilon)
      : epsilon_(epsilon), stride_(stride_of(gain.size())) {
    std::vector<float> both(2 * stride_, 0.0f);
    std::copy(gain.begin(), gain.end(), both.begin());
    std::copy(bias.begin(), bias.end(), both.begin() + static_cast<ptrdiff_t>(stride_));
    block_ = context.memory().keep(bytes());
    context.transfers().to_device(block_.data(), both.data(), bytes());
  }
  size_t bytes() const override { return 2 * stride_ * sizeof(float); }
  NormWeights weights() const { return {block_.as<float>(), block_.as<float>() + stride_, epsilon_}; }

 private:
  float epsilon_;
  size_t stride_;
  Arena::Block block_;
};

template <class To, class From>
To& as(From& from) {
  return static_cast<To&>(from);
}

class CudaBackend final : public TimedBackend {
 public:
  explicit CudaBackend(SharedDevice& device) : context_(device) {}
  ~CudaBackend() override { context_.enter_quietly(); }

  std::string name() const override { return context_.name(); }
  size_t pass_tokens() const override { return kPassTokens; }
  void start_clock() override {
    context_.enter();
    if (!clock_) clock_.emplace(context_.stream());
    clock_->start();
  }
  double stop_clock() override {
    context_.enter();
    return clock_->stop() / 1e6;
  }

  std::unique_ptr<PackedLinear> pack(const LinearWeights& weights) override {
    context_.enter();
    if (weights.format == Format::float16) word_ = Word::float16;
    if (weights.format != Format::float16 && weights.format != Format::float32) word_ = Word::bfloat16;
    return std::make_unique<CudaLinear>(context_, weights);
  }
  void tune(std::span<const LinearUse> uses, size_t most_tokens, Tuning& tuning,
            const std::function<void()>& between) override {
    context_.enter();
    tune_linears(uses, most_tokens, tuning, between);
  }
  std::unique_ptr<Table> table(const MatrixSource& values) override {
    context_.enter();
    return std::make_unique<CudaTable>(context_, values);
  }
  std::unique_ptr<Norm> norm(std::span<const float> gain, std::span<const float> bias,
                             float epsilon) override {
    context_.enter();
    return std::make_unique<CudaNorm>(context_, gain, bias, epsilon);
  }
  std::unique_ptr<Batch> batch(const BatchView& view) override {
    context_.enter();
    return std::make_unique<CudaBatch>(context_, view);
  }
  std::unique_ptr<Activations> activations(size_t tokens, size_t width, const Readers& readers) override {
    context_.enter();
    return std::make_unique<CudaActivations>(context_, tokens, width, word_, readers, graphs_.extent(tokens));
  }

  std::unique_ptr<Activations> repeat(const Batch& batch,
                                      const std::function<std::unique_ptr<Activations>()>& body) override {
    context_.enter();
    return graphs_.repeat(as<const CudaBatch>(batch), body);
  }

  void embed(const Batch& batch, const Table& word, const Table& position, const Table* type,
             const Norm& norm, Activations& out) override {
    context_.enter();
    const EmbeddingTables tables{as<const CudaTable>(word).data(), as<const CudaTable>(position).data(),
                                 type == nullptr ? nullptr : as<const CudaTable>(*type).data()};
    auto& to = as<CudaActivations>(out);
    embed_norm(as<const CudaBatch>(batch).device(), tables, as<const CudaNorm>(norm).weights(), to.rows(),
               to.quantised(), stream());
  }

  void linear(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue,
              Activations& out) override {
    context_.enter();
    as<const CudaLinear>(linear).run(as<const CudaActivations>(in), epilogue.activation,
                                     static_cast<const CudaActivations*>(epilogue.residual),
                                     as<CudaActivations>(out));
  }

  void layer_norm(const Activations& in, const Norm& norm, Activations& out) override {
    context_.enter();
    const auto& from = as<const CudaActivations>(in);
    auto& to = as<CudaActivations>(out);
    cuda::layer_norm(from.rows(), as<const CudaNorm>(norm).weights(), from.extent(), to.wanted_rows(),
                     to.quantised(), stream());
  }

  void attention(const Batch& batch, const Activations& in, const Attention& attention,
                 Activations& out) override {
    context_.enter();
    if (attention.head_size > kLargestHead)
      throw Error("DEVICE_UNAVAILABLE", "Heads of " + std::to_string(attention.head_size) +
                                            " numbers do not run on CUDA, where a head has at most " +
                                            std::to_string(kLargestHead) + ". Use device 'cpu'.");
    const auto* bias = static_cast<const CudaTable*>(attention.bias);
    const AttentionShape shape{.heads = attention.heads,
                               .head_size = attention.head_size,
                               .scale = attention.scale,
                               .bias = bias == nullptr ? nullptr : bias->data(),
                               .bias_stride = bias == nullptr ? 0 : stride_of(bias->columns),
                               .span = attention.span};
    auto& to = as<CudaActivations>(out);
    cuda::attention(as<const CudaActivations>(in).rows(), shape, as<const CudaBatch>(batch).device(),
                    to.rows(), to.quantised(), stream());
  }

  void gather(const Activations& in, std::span<const int32_t> rows, Activations& out) override {
    context_.enter();
    const Arena::Block indices = context_.memory().take(capacity_of(rows.size()) * sizeof(int32_t));
    context_.transfers().to_device(indices.data(), rows.data(), rows.size_bytes());
    auto& to = as<CudaActivations>(out);
    cuda::gather(as<const CudaActivations>(in).rows(), indices.as<int32_t>(), to.extent(), to.rows(),
                 to.quantised(), stream());
  }

  void pool(const Batch& batch, const Activations& in, const PoolRule& rule, Activations& out) override {
    context_.enter();
    auto& to = as<CudaActivations>(out);
    cuda::pool(as<const CudaActivations>(in).rows(), rule, as<const CudaBatch>(batch).device(), to.rows(),
               to.quantised(), stream());
  }

  void upload(std::span<const float> values, Activations& out) override {
    context_.enter();
    auto& to = as<CudaActivations>(out);
    const Arena::Block floats = context_.memory().take(to.capacity() * to.width() * sizeof(float));
    context_.transfers().to_device(floats.data(), values.data(), values.size_bytes());
    from_float(floats.as<float>(), to.extent(), to.rows(), to.quantised(), stream());
  }

  void download(const Activations& in, std::span<float> out) override {
    context_.enter();
    const auto& from = as<const CudaActivations>(in);
    const Arena::Block floats = context_.memory().take(from.capacity() * from.width() * sizeof(float));
    to_float(from.rows(), from.extent(), floats.as<float>(), stream());
    context_.transfers().to_host(out.data(), floats.data(), out.size_bytes());
  }

  float largest(const Activations& in) override {
    context_.enter();
    const auto& from = as<const CudaActivations>(in);
    const Arena::Block rows = context_.memory().take(from.capacity() * sizeof(float));
    cuda::largest(from.rows(), from.extent(), rows.as<float>(), stream());
    std::vector<float> found(from.tokens());
    context_.transfers().to_host(found.data(), rows.data(), found.size() * sizeof(float));
    return largest_of(found);
  }

 private:
  Stream stream() const { return context_.stream(); }

  Context context_;
  PassGraphs graphs_{context_};
  std::optional<Clock> clock_;
  /// Of all activations: that of the linears, which an encoder packs before it runs.
  Word word_ = Word::float32;
};

}  // namespace

std::unique_ptr<TimedBackend> make_cuda_backend(SharedDevice& device) {
  device.enter();
  return std::make_unique<CudaBackend>(device);
}

}  // namespace twofour::cuda

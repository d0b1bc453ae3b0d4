#include "cpu/cpu_backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/pooling.h"
#include "base/isa.h"
#include "cpu/activations.h"
#include "cpu/cpu_analysis.h"
#include "cpu/device_objects.h"
#include "cpu/pack_linear.h"

namespace twofour::cpu {
namespace {

/// Enough for every thread to have work in every verb, and the activations stay in the cache.
constexpr size_t kPassTokensPerThread = 128;

using cpu::own;
const CpuLinear& own(const PackedLinear& l) { return static_cast<const CpuLinear&>(l); }

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(ThreadPool& pool) : pool_(pool), kernels_(choose_kernels()), scratch_(pool.size()) {}

  Analysis* analysis() override { return &analysis_; }

  std::string name() const override {
    return "CPU, " + std::string(kernels_.isa) + ", " + std::to_string(pool_.size()) +
           (pool_.size() == 1 ? " thread" : " threads");
  }

  size_t pass_tokens() const override { return kPassTokensPerThread * pool_.size(); }

  std::unique_ptr<PackedLinear> pack(const LinearWeights& weights) override {
    return pack_linear(weights, kernels_, pool_, buffers_);
  }
  std::unique_ptr<Table> table(const MatrixSource& values) override {
    return std::make_unique<CpuTable>(values, pool_);
  }
  std::unique_ptr<Norm> norm(std::span<const float> gain, std::span<const float> bias,
                             float epsilon) override {
    return std::make_unique<CpuNorm>(gain, bias, epsilon);
  }
  std::unique_ptr<Batch> batch(const BatchView& view) override { return std::make_unique<CpuBatch>(view); }
  std::unique_ptr<Activations> activations(size_t tokens, size_t width, const Readers& readers) override {
    unsigned wanted = 0;
    for (const PackedLinear* linear : readers.linears)
      wanted |= 1u << static_cast<unsigned>(own(*linear).form_for(tokens).reads());
    return std::make_unique<CpuActivations>(tokens, width, wanted, kernels_, buffers_);
  }

  void embed(const Batch& batch, const Table& word, const Table& position, const Table* type,
             const Norm& norm, Activations& out) override {
    const CpuBatch& tokens = own(batch);
    const size_t width = out.width();
    make_rows(own(out), pool_, [&](size_t begin, size_t end) {
      for (size_t token = begin; token < end; ++token) {
        float* to = own(out).row(token);
        const float* w = own(word).row(static_cast<size_t>(tokens.ids[token]));
        const float* p = own(position).row(static_cast<size_t>(tokens.positions[token]));
        const float* t = type == nullptr ? nullptr : own(*type).row(static_cast<size_t>(tokens.types[token]));
        for (size_t i = 0; i < width; ++i) to[i] = w[i] + (t == nullptr ? 0.0f : t[i]) + p[i];
        normalise(to, norm, width, to);
      }
    });
  }

  void linear(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue,
              Activations& out) override {
    run_product(own(linear).form_for(in.tokens()), own(in), epilogue, own(out), pool_);
  }

  void layer_norm(const Activations& in, const Norm& norm, Activations& out) override {
    make_rows(own(out), pool_, [&](size_t begin, size_t end) {
      for (size_t token = begin; token < end; ++token) {
        normalise(own(in).row(token), norm, in.width(), own(out).row(token));
      }
    });
  }

  void attention(const Batch& batch, const Activations& in, const Attention& attention,
                 Activations& out) override {
    const CpuBatch& sequences = own(batch);
    const size_t heads = attention.heads, size = attention.head_size;
    if (heads * size == 0) return;
    pool_.run(sequences.sequences() * heads, [&](size_t task, size_t worker) {
      const size_t sequence = task / heads, head = task % heads;
      const auto begin = static_cast<size_t>(sequences.offsets[sequence]);
      const size_t tokens = static_cast<size_t>(sequences.offsets[sequence + 1]) - begin;
      if (tokens == 0) return;
      const float* query = own(in).row(begin) + head * size;
      kernels_.attention({
          .tokens = tokens,
          .head_size = size,
          .stride = 3 * heads * size,
          .query = query,
          .key = query + heads * size,
          .value = query + 2 * heads * size,
          .output = own(out).row(begin) + head * size,
          .output_stride = heads * size,
          .scale = attention.scale,
          .bias = centred_bias(attention, head),
          .scratch = scratch_.of(worker, kernels_.attention_scratch(tokens, size)),
      });
    });
    finish_rows(own(out), pool_);
  }

  void gather(const Activations& in, std::span<const int32_t> rows, Activations& out) override {
    for (size_t i = 0; i < rows.size() && in.width() > 0; ++i) {
      std::memcpy(own(out).row(i), own(in).row(static_cast<size_t>(rows[i])), in.width() * sizeof(float));
    }
    finish_rows(own(out), pool_);
  }

  void pool(const Batch& batch, const Activations& in, const PoolRule& rule, Activations& out) override {
    const CpuBatch& sequences = own(batch);
    pool_.run(sequences.sequences(), [&](size_t sequence, size_t) {
      const auto begin = static_cast<size_t>(sequences.offsets[sequence]);
      const auto end = static_cast<size_t>(sequences.offsets[sequence + 1]);
      pool_sequence(own(in).row(begin), end - begin, in.width(), rule, own(out).row(sequence));
    });
    finish_rows(own(out), pool_);
  }

  void upload(std::span<const float> values, Activations& out) override {
    if (!values.empty()) std::memcpy(own(out).row(0), values.data(), values.size_bytes());
    finish_rows(own(out), pool_);
  }

  void download(const Activations& in, std::span<float> out) override {
    if (!out.empty()) std::memcpy(out.data(), own(in).row(0), out.size_bytes());
  }

 private:
  void normalise(const float* in, const Norm& norm, size_t width, float* out) const {
    const CpuNorm& values = own(norm);
    kernels_.layer_norm(in, values.gain.data(), values.bias.data(), values.epsilon, width, out);
  }

  ThreadPool& pool_;
  const Kernels& kernels_;
  Buffers buffers_;
  Scratch scratch_;
  CpuAnalysis analysis_{pool_, kernels_, scratch_};
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(ThreadPool& pool) { return std::make_unique<CpuBackend>(pool); }

std::vector<std::string> supported_isas() {
  std::vector<std::string> names;
  for (const Isa& isa : all_isas()) {
    if (isa.supported) names.emplace_back(isa.name);
  }
  return names;
}

std::string chosen_isa() { return std::string(choose_isa().name); }

}  // namespace twofour::cpu

#pragma once
#include "backend/analysis.h"
#include "base/thread_pool.h"
#include "cpu/activations.h"
#include "cpu/scratch.h"

namespace twofour::cpu {

/// The verbs of analysis.h over fp32 rows. Statistics and what runs forward are in cpu_analysis.cc, gradients
/// in cpu_gradients.cc. Everything is borrowed.
class CpuAnalysis final : public Analysis {
 public:
  CpuAnalysis(ThreadPool& pool, const Kernels& kernels, Scratch& scratch)
      : pool_(pool), kernels_(kernels), scratch_(scratch) {}

  void add_products(const Activations& a, const Activations& b, std::span<float> sums) override;
  void activate(const Activations& in, Activation activation, Activations& out) override;
  void activate_backward(const Activations& in, Activation activation, const Activations& gradient,
                         Activations& out) override;
  void scale_groups(const Activations& in, std::span<const float> factors, size_t group,
                    Activations& out) override;
  void dot_groups(const Activations& a, const Activations& b, size_t group, Activations& out) override;
  void add(const Activations& a, const Activations& b, Activations& out) override;
  void layer_norm_backward(const Activations& in, const Norm& norm, const Activations& gradient,
                           Activations& out) override;
  void attention_backward(const Batch& batch, const Activations& qkv, const Attention& attention,
                          const Activations& gradient, Activations& out) override;
  void attention_probabilities(const Batch& batch, size_t sequence, const Activations& qkv,
                               const Attention& attention, std::span<float> out) override;

 private:
  ThreadPool& pool_;
  const Kernels& kernels_;
  Scratch& scratch_;
};

}  // namespace twofour::cpu

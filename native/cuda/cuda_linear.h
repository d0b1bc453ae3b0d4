#pragma once
#include <map>
#include <tuple>

#include "backend/backend.h"
#include "cuda/cuda_activations.h"
#include "cuda/dense_plan.h"
#include "cuda/device_weight.h"
#include "cuda/measure.h"
#include "cuda/sparse_plan.h"
#include "cuda/tensor_scale.h"
#include "cuda/token_class.h"

namespace twofour::cuda {

/// One matrix in its forms, and which of them runs for how many tokens. Plans for a number of tokens are made
/// when it first comes; after that a product creates nothing.
class CudaLinear final : public PackedLinear {
 public:
  /// Packs. What runs is chosen by `tune`; until then the dense form, or the one that is required. `context`
  /// is borrowed.
  CudaLinear(Context& context, const LinearWeights& weights);

  size_t rows() const override { return weight_.rows; }
  size_t columns() const override { return weight_.columns; }
  size_t nonzeros() const override { return weight_.nonzeros; }
  std::vector<Form> forms() const override;
  std::vector<Choice> choices() const override;
  Format format() const { return format_; }

  void hold_dense(bool hold) override;
  void revert(std::optional<size_t> tokens, const std::string& reason) override;
  void settle() override;
  std::optional<Scales> scales() const override;
  void calibrate(const Calibration& seen) override;
  void hold_scaling(std::optional<Scaling> held) override;

  /// Whether times are to decide how it runs, or, once it is calibrated, how its inputs are scaled; and
  /// whether between two forms.
  bool wants_tuning() const { return wants_tuning_; }
  bool may_run_sparse() const { return compressed_bytes_ > 0; }
  /// Classes of up to `most_tokens` tokens, which run dense until they are measured.
  void begin_tuning(const LinearUse& use, size_t most_tokens);
  size_t classes() const { return tensor_ ? tensor_->classes() : classes_.size(); }
  /// Decides a class by what the tuning knows, or lets be measured.
  void tune(size_t index, Tuning& tuning);
  /// Where nothing is known all classes are one.
  void end_tuning();

  /// The scale that all inputs of so many tokens are to be stored with; 0: each token with its own.
  float input_step(size_t tokens) const { return way_of(tokens).tensor ? tensor_->step() : 0; }
  /// out = activation(in · Wᵀ + b) + residual. Rows of `out` have the encoder's word.
  void run(const CudaActivations& in, Activation activation, const CudaActivations* residual,
           CudaActivations& out) const;

 private:
  /// A product for one capacity, with or without the residual, and its activation.
  using Key = std::tuple<size_t, bool, Activation>;

  void decide(const LinearWeights& weights);
  std::string why_dense(const LinearWeights& weights) const;
  void compress();
  std::string not_measured(
      const char* why =
          "loading had spent its time for that. `twofour tune` measures without a bound.") const;
  Subject subject() const { return {measured_, weight_, may_run_sparse() ? compressed_.data() : nullptr}; }
  Measurement wanted(size_t tokens) const;
  std::optional<Found> known(size_t tokens, const Tuning& tuning) const;
  Found measured(size_t tokens, Tuning& tuning) const;
  ProductShape shape(bool mixed) const;
  ProductShape product_of(Activation activation, bool residual, bool sparse) const;
  bool runs_sparse(size_t tokens) const { return class_of(classes_, tokens).sparse && !held_dense_; }
  TensorScale::Way way_of(size_t tokens) const;
  /// What a class runs when nothing is held.
  bool settles_sparse(const TokenClass& one) const;
  std::unique_ptr<SparsePlan> sparse_plan(const ProductShape& product, size_t capacity,
                                          const SparseAlgorithm& algorithm) const;
  std::unique_ptr<DensePlan> dense_plan(const ProductShape& product, size_t capacity) const;
  /// Queues the product for `tokens` rows, in buffers of `capacity`.
  void multiply(const ProductShape& product, size_t tokens, size_t capacity, const void* input,
                const void* residual, void* out) const;
  void run_plain(const CudaActivations& in, Activation activation, const CudaActivations* residual,
                 CudaActivations& out) const;
  void run_mixed(const CudaActivations& in, Activation activation, const CudaActivations* residual,
                 CudaActivations& out) const;
  void run_8_bit(const CudaActivations& in, Activation activation, const CudaActivations* residual,
                 CudaActivations& out) const;
  void run_by_token(const CudaActivations& in, Activation activation, const CudaActivations* residual,
                    CudaActivations& out) const;

  Context& context_;
  Format format_;
  DeviceWeight weight_;
  Arena::Block compressed_;
  size_t compressed_bytes_ = 0;
  bool holds_dense_ = true;
  std::vector<TokenClass> classes_;
  std::string why_dense_;
  bool wants_tuning_ = false;
  /// As the model runs it, dense: what is measured.
  ProductShape measured_{};
  bool held_dense_ = false;
  /// Of 8 bits, once calibrated.
  std::unique_ptr<TensorScale> tensor_;
  mutable std::map<Key, std::unique_ptr<DensePlan>> dense_plans_;
  mutable std::map<Key, std::unique_ptr<SparsePlan>> sparse_plans_;
};

}  // namespace twofour::cuda

#pragma once
#include <map>
#include <tuple>

#include "backend/backend.h"
#include "cuda/cuda_activations.h"
#include "cuda/dense_plan.h"
#include "cuda/device_weight.h"
#include "cuda/sparse_plan.h"
#include "cuda/tensor_scale.h"

namespace twofour::cuda {

/// One matrix in its forms, and which of them runs for how many tokens. Plans for a number of tokens are made
/// when it first comes; after that a product creates nothing.
class CudaLinear final : public PackedLinear {
 public:
  /// Packs, and decides: see measure.h. `context` is borrowed.
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

  /// The scale that all inputs of so many tokens are to be stored with; 0: each token with its own.
  float input_step(size_t tokens) const { return way_of(tokens).tensor ? tensor_->step() : 0; }
  /// out = activation(in · Wᵀ + b) + residual. Rows of `out` have the encoder's word.
  void run(const CudaActivations& in, Activation activation, const CudaActivations* residual,
           CudaActivations& out) const;

 private:
  /// What runs up to a number of tokens (the last: any number).
  struct Bucket {
    std::optional<size_t> tokens{};
    bool sparse = false;
    SparseAlgorithm sparse_algorithm{};
    size_t dense_algorithm = 0;
    std::optional<double> dense_us{}, sparse_us{};
    std::string reason{};
  };
  /// A product for one capacity, with or without the residual, and its activation.
  using Key = std::tuple<size_t, bool, Activation>;

  void decide(const LinearWeights& weights);
  std::string why_dense(const LinearWeights& weights) const;
  void compress();
  Bucket measured(size_t bound, Tuning& tuning);
  const Bucket& bucket_of(size_t tokens) const;
  ProductShape shape(bool mixed) const;
  bool runs_sparse(size_t tokens) const { return bucket_of(tokens).sparse && !held_dense_; }
  TensorScale::Way way_of(size_t tokens) const;
  /// What a class runs when nothing is held.
  bool settles_sparse(const Bucket& bucket) const;
  std::unique_ptr<SparsePlan> sparse_plan(const ProductShape& product, size_t capacity,
                                          const SparseAlgorithm& algorithm) const;
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
  std::vector<Bucket> buckets_;
  bool held_dense_ = false;
  /// Of 8 bits, once calibrated.
  std::unique_ptr<TensorScale> tensor_;
  mutable std::map<Key, std::unique_ptr<DensePlan>> dense_plans_;
  mutable std::map<Key, std::unique_ptr<SparsePlan>> sparse_plans_;
};

}  // namespace twofour::cuda

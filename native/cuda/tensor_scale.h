#pragma once
#include <functional>
#include <map>
#include <tuple>

#include "backend/backend.h"
#include "cuda/cuda_activations.h"
#include "cuda/dense_plan.h"
#include "cuda/device_weight.h"
#include "cuda/sparse_plan.h"

namespace twofour::cuda {

/// The forms of one 8-bit linear that scale all inputs by one number: the library multiplies the scales in,
/// adds bias and residual, and gives bfloat16, so that only an activation needs a kernel of ours. Which of
/// them, if any, runs for how many tokens.
class TensorScale {
 public:
  /// What the linear lends; all of it outlives this. Whichever of the two matrices is there is used.
  struct Source {
    Context& context;
    Format format;
    const DeviceWeight& weight;
    const Arena::Block& compressed;
  };
  /// `largest`: magnitude of the inputs; another one than a finite number leaves it without a form.
  TensorScale(const Source& source, float largest);

  /// The inputs' scale: the largest becomes 127, or e4m3's 448.
  float step() const { return step_; }
  bool has_form() const { return dense_ || sparse_; }

  /// What runs; `tensor` false: the linear's own form with a scale for each token.
  struct Way {
    bool tensor, sparse;
  };
  /// `sparse`: what the linear runs with a scale for each token. `only_dense`: whatever was chosen.
  Way way(size_t tokens, bool sparse, bool only_dense) const;
  void hold(std::optional<Scaling> held) { held_ = held; }
  /// The sparse form of the class that ends at `tokens` runs no more.
  void revert(std::optional<size_t> tokens, const std::string& reason);
  PackedLinear::Scales scales() const;

  /// The linear's work with a scale for each token: that from rows to rows, and its sums of levels that were
  /// stored with this step, [capacity, padded rows].
  struct TokenForm {
    std::function<void(const CudaActivations& in, const CudaActivations* residual, CudaActivations& out)> run;
    std::function<void(const void* levels, size_t tokens, void* sums)> sum;
  };
  /// Chooses for each class of token counts, by upper bounds of which the last is also that of all beyond.
  void choose(std::span<const size_t> bounds, const Calibration& seen, const TokenForm& token);

  /// As CudaLinear::run, by the form that `sparse` names. Levels that `in` has were stored with this step.
  void run(const CudaActivations& in, Activation activation, const CudaActivations* residual,
           CudaActivations& out, bool sparse) const;

 private:
  struct Choice {
    std::optional<size_t> tokens{};
    bool tensor = false, sparse = false;
    size_t dense_algorithm = 0;
    SparseAlgorithm sparse_algorithm{};
    std::optional<double> token_us{}, tensor_us{};
    std::string reason{};

    std::string algorithm() const;
    /// Nothing from a text that this version did not write.
    static std::optional<Choice> from(const Measurement& known);
  };
  class Trial;
  using Key = std::tuple<size_t, bool>;

  /// Of the levels of a format.
  static float reach_of(Format format) { return format == Format::int8 ? 127.0f : 448.0f; }
  static std::string reason_of(double ratio, bool wins, bool sparse, size_t tokens);
  /// Null before anything was chosen.
  const Choice* choice_of(size_t tokens) const;
  /// Leaves out what the library refuses, or computes otherwise.
  void prove(const Calibration& seen, const TokenForm& token);
  Choice chosen(size_t bound, const Calibration& seen, const TokenForm& token);
  ProductShape shape(bool residual) const;
  std::unique_ptr<DensePlan> dense_plan(size_t capacity, bool residual) const;
  std::unique_ptr<SparsePlan> sparse_plan(size_t capacity, bool residual,
                                          const SparseAlgorithm& algorithm) const;
  std::unique_ptr<SparsePlan> usual_on_refusal(size_t capacity, bool residual,
                                               const SparseAlgorithm& algorithm) const;
  /// The operands' weight is not looked at.
  void multiply(size_t tokens, size_t capacity, Operands operands, bool sparse) const;

  Source source_;
  float step_ = 0;
  bool dense_ = false, sparse_ = false;  ///< The forms that there are.
  std::string why_not_;                  ///< There is none.
  Arena::Block factors_;                 ///< [padded rows] fp32: the weights' scales times the step.
  Arena::Block bias_;                    ///< [padded rows] bfloat16
  std::vector<Choice> choices_;
  std::optional<Scaling> held_;
  mutable std::map<Key, std::unique_ptr<DensePlan>> dense_plans_;
  mutable std::map<Key, std::unique_ptr<SparsePlan>> sparse_plans_;
};

}  // namespace twofour::cuda

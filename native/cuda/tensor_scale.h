#pragma once
#include <functional>
#include <map>
#include <tuple>

#include "backend/backend.h"
#include "cuda/cuda_activations.h"
#include "cuda/dense_plan.h"
#include "cuda/device_weight.h"
#include "cuda/sparse_plan.h"
#include "cuda/token_class.h"

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
  /// The linear's work with a scale for each token: that from rows to rows, in the epilogue that was seen;
  /// its sums of levels that were stored with this step, [capacity, padded rows]; and whether that is sparse.
  struct TokenForm {
    std::function<void(const CudaActivations& in, const CudaActivations* residual, CudaActivations& out)> run;
    std::function<void(const void* levels, size_t tokens, void* sums)> sum;
    std::function<bool(size_t tokens)> is_sparse;
  };
  /// Leaves out what the library refuses, or computes otherwise. Until it is tuned nothing of this runs.
  TensorScale(const Source& source, const Calibration& seen, TokenForm token);

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

  /// As of CudaLinear.
  void begin_tuning(size_t most_tokens);
  size_t classes() const { return classes_.size(); }
  void tune(size_t index, Tuning& tuning);

  /// As CudaLinear::run, by the form that `sparse` names. Levels that `in` has were stored with this step.
  void run(const CudaActivations& in, Activation activation, const CudaActivations* residual,
           CudaActivations& out, bool sparse) const;

 private:
  /// `sparse`: which of the forms with one scale is compared. In what was found "dense" is the time with a
  /// scale for each token, "sparse" that with one; of the algorithms that of this form is set.
  struct Class : TokenClass {
    bool tensor = false;  ///< It runs.
  };
  class Trial;
  using Key = std::tuple<size_t, bool>;

  /// Of the levels of a format.
  static float reach_of(Format format) { return format == Format::int8 ? 127.0f : 448.0f; }
  static std::string sentence_of(const Found& found, bool sparse);
  bool has(bool sparse) const { return sparse ? sparse_ : dense_; }
  void prove();
  Measurement wanted(size_t tokens, bool sparse) const;
  std::optional<Found> known(size_t tokens, bool sparse, const Tuning& tuning) const;
  /// By the one form that every end has a measurement of. False: there is none.
  bool recall(Class& one, const Tuning& tuning) const;
  /// By the form that is faster at the first end.
  void measure(Class& one, Tuning& tuning);
  ProductShape shape(bool residual) const;
  std::unique_ptr<DensePlan> dense_plan(size_t capacity, bool residual,
                                        const std::optional<DenseAlgorithm>& algorithm) const;
  std::unique_ptr<SparsePlan> sparse_plan(size_t capacity, bool residual,
                                          const SparseAlgorithm& algorithm) const;
  std::unique_ptr<SparsePlan> usual_on_refusal(size_t capacity, bool residual,
                                               const SparseAlgorithm& algorithm) const;
  /// What was found nearest to `capacity` for this form. Null: nothing.
  const Found* found_for(size_t capacity, bool sparse) const;
  /// The operands' weight is not looked at.
  void multiply(size_t tokens, size_t capacity, Operands operands, bool sparse) const;

  Source source_;
  Calibration seen_;
  TokenForm token_;
  float step_ = 0;
  bool dense_ = false, sparse_ = false;  ///< The forms that there are.
  std::string why_not_;                  ///< There is none.
  Arena::Block factors_;                 ///< [padded rows] fp32: the weights' scales times the step.
  Arena::Block bias_;                    ///< [padded rows] bfloat16
  std::vector<Class> classes_;
  std::optional<Scaling> held_;
  mutable std::map<Key, std::unique_ptr<DensePlan>> dense_plans_;
  mutable std::map<Key, std::unique_ptr<SparsePlan>> sparse_plans_;
};

}  // namespace twofour::cuda

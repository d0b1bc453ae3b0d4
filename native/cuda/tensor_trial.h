#pragma once
#include "cuda/stopwatch.h"
#include "cuda/tensor_scale.h"

namespace twofour::cuda {

/// One number of tokens: inputs like those that calibration saw, what the product of them must be, and the
/// forms' times. Everything is borrowed.
class TensorScale::Trial {
 public:
  Trial(TensorScale& form, const Calibration& seen, const TokenForm& token, size_t tokens);

  /// The algorithm that is fastest (else, unless `timed`, the first) of those whose numbers are right goes
  /// into `choice`, and its plan into the form. False: there is none.
  bool pick_dense(Choice& choice, bool timed);
  bool pick_sparse(Choice& choice, bool timed);
  /// All of the work with a scale for each token, and with one, by the faster of the forms that there are.
  void compare(Choice& choice, bool dense, bool sparse);

 private:
  CudaActivations room(size_t width) const;
  void fill(const Rows& rows, float reach);
  /// By the sums of the linear's own form and our kernel.
  std::vector<uint16_t> expected();
  std::vector<uint16_t> read();
  Operands operands(const void* weight) const;
  void run(const DensePlan& plan);
  void run(const SparsePlan& plan);
  template <class Plan>
  bool is_right(const Plan& plan);

  const CudaActivations* residual() const { return seen_.residual ? &added_ : nullptr; }
  /// Whether the library adds the residual.
  bool adds() const { return seen_.residual && seen_.activation == Activation::none; }
  Key key() const { return {in_.capacity(), adds()}; }

  TensorScale& form_;
  Context& context_;
  const Calibration& seen_;
  const TokenForm& token_;
  size_t tokens_;
  CudaActivations in_, added_, out_;
  QuantisedBlocks levels_;
  std::vector<uint16_t> wanted_;
  Stopwatch stopwatch_;
};

}  // namespace twofour::cuda

#pragma once
#include "cuda/stopwatch.h"
#include "cuda/tensor_scale.h"

namespace twofour::cuda {

/// One number of tokens: inputs like those that calibration saw, what the product of them must be, and the
/// forms' times. Everything is borrowed.
class TensorScale::Trial {
 public:
  Trial(TensorScale& form, const Calibration& seen, size_t tokens);

  /// The algorithm that is fastest (else, unless `timed`, the first) of those whose numbers are right goes
  /// into `found`, and its plan into the form. False: there is none.
  bool pick_dense(Found& found, bool timed);
  bool pick_sparse(Found& found, bool timed);
  /// By times: whether the sparse form is the faster of the two, or of `only` one. Null: there is none.
  std::optional<bool> pick(Found& found, std::optional<bool> only);
  /// Times of all of the work, with a scale for each token and with one.
  void compare(Found& found, bool sparse);

 private:
  CudaActivations room(size_t width) const;
  void fill(const Rows& rows, float reach);
  /// By the sums of the linear's own form and our kernel.
  std::vector<std::byte> expected();
  /// The first and the last rows of the output.
  std::vector<std::byte> ends();
  Operands operands(const void* weight) const;
  void run(DensePlan& plan);
  void run(SparsePlan& plan);
  template <class Plan>
  bool is_right(Plan& plan);
  Stopwatch::Work by_tensor(bool sparse);

  const CudaActivations* residual() const { return seen_.residual ? &added_ : nullptr; }
  /// Whether the library adds the residual.
  bool adds() const { return seen_.residual && seen_.activation == Activation::none; }
  Key key() const { return {in_.capacity(), adds()}; }

  TensorScale& form_;
  Context& context_;
  const Calibration& seen_;
  size_t tokens_;
  CudaActivations in_, added_, out_;
  QuantisedBlocks levels_;
  std::vector<std::byte> wanted_;
  Stopwatch stopwatch_;
};

}  // namespace twofour::cuda

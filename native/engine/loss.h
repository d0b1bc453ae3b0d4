#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backend/backend.h"

/// What is differentiated, by formulas in double over numbers that left the device (`Loss` in binding.d.ts).
namespace twofour {

/// Rows of logits or sentence vectors that a loss is computed from, and where its results go.
struct LossBlock {
  size_t width;
  std::span<const float> values;      ///< [rows, width]
  std::span<const size_t> rows;       ///< Which row each is among all of the request: a token or a sequence.
  std::span<const size_t> sequences;  ///< Which sequence of the request each belongs to. Ascending.
  std::span<float> gradient;          ///< [rows, width], set.
  std::span<double> losses;           ///< By example of the request, added to.

  std::span<const float> row(size_t index) const { return values.subspan(index * width, width); }
  std::span<float> gradient_row(size_t index) const { return gradient.subspan(index * width, width); }
};

/// Immutable.
class Loss {
 public:
  virtual ~Loss() = default;
  /// Of sentence vectors, which are pooled so; nullopt: of logits.
  virtual std::optional<Pooling> pooling() const { return std::nullopt; }
  /// Consecutive sequences that are one example.
  virtual size_t sequences_per_example() const { return 1; }
  /// Whether a minibatch must be in one block. Otherwise whole examples must be.
  virtual bool of_minibatch() const { return false; }
  /// Whether even an example's rows may be in several blocks.
  virtual bool by_row() const { return true; }
  /// Whether a row of logits counts; those that do not are not in blocks.
  virtual bool counts(size_t /*row*/) const { return true; }
  virtual void evaluate(const LossBlock& block) const = 0;
};

struct CrossEntropy final : Loss {
  bool counts(size_t row) const override { return labels[row] >= 0; }
  void evaluate(const LossBlock& block) const override;
  std::vector<int32_t> labels;
};

struct SpanLoss final : Loss {
  bool by_row() const override { return false; }
  void evaluate(const LossBlock& block) const override;
  std::vector<int32_t> starts, ends;
};

struct Divergence final : Loss {
  void evaluate(const LossBlock& block) const override;
  std::vector<float> targets;
  double temperature = 1;
};

struct Squares final : Loss {
  std::optional<Pooling> pooling() const override { return of; }
  void evaluate(const LossBlock& block) const override;
  std::optional<Pooling> of;
  std::vector<float> targets;
};

struct Cosine final : Loss {
  std::optional<Pooling> pooling() const override { return of; }
  size_t sequences_per_example() const override { return 2; }
  void evaluate(const LossBlock& block) const override;
  Pooling of = Pooling::mean;
  std::vector<float> targets;
};

struct Similarity final : Loss {
  std::optional<Pooling> pooling() const override { return of; }
  bool of_minibatch() const override { return true; }
  void evaluate(const LossBlock& block) const override;
  Pooling of = Pooling::mean;
  std::vector<float> vectors;  ///< [sequences, width] of the dense model.
  double scale = 1;
};

}  // namespace twofour

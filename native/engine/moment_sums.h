#pragma once
#include <optional>
#include <vector>

#include "backend/analysis.h"
#include "base/moments.h"

namespace twofour {

/// What is summed, beside Σ x and Σ x²: Σ x xᵀ where `full`, and of a target with `rows` rows where it is
/// there.
struct MomentKind {
  size_t columns = 0;
  bool full = false;
  size_t rows = 0;
  bool operator==(const MomentKind&) const = default;
};
MomentKind kind_of(const Moments& moments);

/// Sums moments chunk by chunk. Products of a chunk are summed by the backend, in fp32; those of all chunks
/// in double, so that the error does not grow with their number. All other sums are double throughout.
class MomentSums {
 public:
  MomentSums(MomentKind kind, Backend& backend, Analysis& analysis);

  /// Goes on from what was collected before, of the same kind.
  void start_from(const Moments& before);
  /// A chunk: x [tokens, columns], y [tokens, rows]; y is null where there is no target.
  void add(const Activations& x, const Activations* y);
  /// Once.
  Moments finish();

 private:
  void add_products(const Activations& a, const Activations& b, std::vector<double>& total);
  void download(const Activations& from);

  MomentKind kind_;
  Backend& backend_;
  Analysis& analysis_;
  Moments moments_;
  std::vector<double> products_, cross_;
  std::vector<float> rows_, sums_;  ///< A chunk's numbers, and its products.
};

}  // namespace twofour

#pragma once
#include "backend/backend.h"
#include "cuda/context.h"

namespace twofour::cuda {

/// [tokens, width] on the device: rows in the encoder's word, and where an 8-bit linear reads them, levels.
class CudaActivations final : public Activations {
 public:
  /// Makes room; what it holds is anything. `tokens` may be 0.
  CudaActivations(Context& context, size_t tokens, size_t width, Word word, const Readers& readers,
                  Extent extent);
  /// The same memory with another number of tokens, which is where the extent says. Outlived by this.
  std::unique_ptr<CudaActivations> view(size_t tokens) const;

  size_t tokens() const override { return tokens_; }
  size_t width() const override { return width_; }
  size_t capacity() const { return capacity_; }
  Extent extent() const { return extent_; }

  /// Always there.
  const Rows& rows() const { return rows_; }
  /// As an output: without data where nobody will look at rows.
  Rows wanted_rows() const;
  /// Without data where no 8-bit linear reads it.
  const Quantised& quantised() const { return quantised_; }

 private:
  CudaActivations() = default;

  size_t tokens_ = 0, width_ = 0, capacity_ = 0;
  Extent extent_{};
  bool rows_wanted_ = false;
  Rows rows_;
  Quantised quantised_;
  Arena::Block data_, levels_, scales_, zeros_;
};

/// Rows in memory of the arena, and levels of the kind that a format reads.
struct QuantisedBlocks {
  Quantised quantised;
  Arena::Block levels, scales, zeros;
};
/// `step`: of all rows, as Quantised has it; 0: each row has its own scale.
QuantisedBlocks make_quantised(Context& context, Format format, size_t capacity, size_t width,
                               float step = 0);

}  // namespace twofour::cuda

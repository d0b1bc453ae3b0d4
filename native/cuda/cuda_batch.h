#pragma once
#include "backend/backend.h"
#include "cuda/context.h"

namespace twofour::cuda {

/// All of a batch in one block, copied at once. Where each part lies depends on the capacities alone, so that
/// the block of another batch of the same capacities can take its place. It is read after passes that may
/// have been recorded, which must not write to it.
class CudaBatch final : public Batch {
 public:
  CudaBatch(Context& context, const BatchView& view);

  const DeviceBatch& device() const { return device_; }
  size_t tokens() const { return tokens_; }
  size_t bytes() const { return bytes_; }
  const void* data() const { return block_.data(); }

  /// While work is recorded: the verbs read this block, which is of the same capacities.
  void redirect(const void* block) const { device_ = parts(static_cast<const int32_t*>(block)); }
  void restore() const { device_ = parts(block_.as<int32_t>()); }
  DeviceBatch parts(const int32_t* block) const;

 private:
  size_t tokens_, token_capacity_, sequence_capacity_, tile_capacity_, bytes_;
  bool has_types_;
  Arena::Block block_;
  mutable DeviceBatch device_;
};

}  // namespace twofour::cuda

#include "cpu/buffers.h"

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace twofour::cpu {
namespace {
/// What may lie idle; more than the activations of one pass over BERT-large.
constexpr size_t kMostIdleBytes = size_t{256} << 20;
}  // namespace

void Buffers::Free::operator()(float* block) const noexcept { std::free(block); }

Buffers::Block Buffers::allocate(size_t floats) {
  const size_t bytes = (floats * sizeof(float) + 63) / 64 * 64 + 64;
  auto* block = static_cast<float*>(std::aligned_alloc(64, bytes));
  if (block == nullptr) {
    throw Error("OUT_OF_MEMORY", "The system refused " + std::to_string(bytes >> 20) +
                                     " MiB. Use smaller batches (maxTokens) or fewer encoders.");
  }
  return Block(block);
}

Buffers::Buffer Buffers::take(size_t floats) {
  const auto found = idle_.lower_bound(floats);
  if (found != idle_.end() && found->first <= floats * 2 + 1024) {
    const size_t capacity = found->first;
    Block block = std::move(found->second);
    idle_.erase(found);
    idle_bytes_ -= capacity * sizeof(float);
    return Buffer(*this, std::move(block), capacity);
  }
  return Buffer(*this, allocate(floats), floats);
}

Buffers::Buffer::~Buffer() {
  if (!block_ || owner_->idle_bytes_ + capacity_ * sizeof(float) > kMostIdleBytes) return;
  owner_->idle_bytes_ += capacity_ * sizeof(float);
  owner_->idle_.emplace(capacity_, std::move(block_));
}

}  // namespace twofour::cpu

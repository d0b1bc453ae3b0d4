#include "cuda/cuda_batch.h"

#include <algorithm>
#include <vector>

#include "cuda/buckets.h"

namespace twofour::cuda {
namespace {

/// Of counts, rounded up so that the next part is aligned.
constexpr size_t kCounts = 4;

}  // namespace

CudaBatch::CudaBatch(Context& context, const BatchView& view)
    : tokens_(view.ids.size()), has_types_(!view.types.empty()) {
  const size_t sequences = view.offsets.size() - 1;
  std::vector<int32_t> sequence_of, tiles;
  for (size_t sequence = 0; sequence < sequences; ++sequence) {
    const int32_t length = view.offsets[sequence + 1] - view.offsets[sequence];
    sequence_of.insert(sequence_of.end(), static_cast<size_t>(length), static_cast<int32_t>(sequence));
    for (int32_t first = 0; first < length; first += static_cast<int32_t>(kQueriesPerTile))
      tiles.insert(tiles.end(), {static_cast<int32_t>(sequence), first});
  }
  token_capacity_ = capacity_of(tokens_);
  sequence_capacity_ = capacity_of(sequences + 1);
  tile_capacity_ = capacity_of(tiles.size() / 2);
  bytes_ = (kCounts + 4 * token_capacity_ + sequence_capacity_ + 2 * tile_capacity_) * sizeof(int32_t);
  block_ = context.memory().take(bytes_, Arena::Kind::apart);
  restore();
  context.transfers().to_device(block_.data(), bytes_, [&](void* pinned) {
    auto* words = static_cast<int32_t*>(pinned);
    const DeviceBatch at = parts(words);
    // What lies between the parts is never read; it is written so that what was there before does not leave.
    std::fill_n(words, bytes_ / sizeof(int32_t), 0);
    const auto put = [&](const int32_t* to, std::span<const int32_t> values) {
      std::copy(values.begin(), values.end(), words + (to - words));
    };
    const int32_t counts[] = {static_cast<int32_t>(tokens_), static_cast<int32_t>(sequences),
                              static_cast<int32_t>(tiles.size() / 2)};
    put(at.counts, counts);
    put(at.ids, view.ids);
    if (has_types_) put(at.types, view.types);
    put(at.positions, view.positions);
    put(at.offsets, view.offsets);
    put(at.sequence_of, sequence_of);
    put(at.tiles, tiles);
  });
}

DeviceBatch CudaBatch::parts(const int32_t* block) const {
  const int32_t* ids = block + kCounts;
  const int32_t* types = ids + token_capacity_;
  const int32_t* positions = types + token_capacity_;
  const int32_t* sequence_of = positions + token_capacity_;
  const int32_t* offsets = sequence_of + token_capacity_;
  return {.ids = ids,
          .types = has_types_ ? types : nullptr,
          .positions = positions,
          .offsets = offsets,
          .sequence_of = sequence_of,
          .tiles = offsets + sequence_capacity_,
          .counts = block,
          .token_capacity = token_capacity_,
          .sequence_capacity = sequence_capacity_,
          .tile_capacity = tile_capacity_};
}

}  // namespace twofour::cuda

#pragma once
#include <vector>

#include "base/thread_pool.h"
#include "cpu/activations.h"

/// What the CPU backend makes beside linears and activations.
namespace twofour::cpu {

struct CpuTable final : Table {
  CpuTable(const MatrixSource& from, ThreadPool& pool)
      : values(Buffers::allocate(from.rows * from.columns)), rows(from.rows), width(from.columns) {
    pool.run_ranges(rows, 64, [&](size_t begin, size_t end, size_t) {
      from.read(begin, end - begin, values.get() + begin * width);
    });
  }
  size_t bytes() const override { return rows * width * sizeof(float); }
  const float* row(size_t index) const { return values.get() + index * width; }
  Buffers::Block values;
  size_t rows, width;
};

struct CpuNorm final : Norm {
  CpuNorm(std::span<const float> g, std::span<const float> b, float e)
      : gain(g.begin(), g.end()), bias(b.begin(), b.end()), epsilon(e) {}
  size_t bytes() const override { return (gain.size() + bias.size()) * sizeof(float); }
  std::vector<float> gain, bias;
  float epsilon;
};

struct CpuBatch final : Batch {
  explicit CpuBatch(const BatchView& view)
      : ids(view.ids.begin(), view.ids.end()),
        types(view.types.begin(), view.types.end()),
        positions(view.positions.begin(), view.positions.end()),
        offsets(view.offsets.begin(), view.offsets.end()) {}
  size_t sequences() const { return offsets.size() - 1; }
  std::vector<int32_t> ids, types, positions, offsets;
};

// A backend only ever gets back what it made.
inline const CpuTable& own(const Table& t) { return static_cast<const CpuTable&>(t); }
inline const CpuNorm& own(const Norm& n) { return static_cast<const CpuNorm&>(n); }
inline const CpuBatch& own(const Batch& b) { return static_cast<const CpuBatch&>(b); }

/// Entry 0 is the bias of keys where their queries are; null where there is none. See AttentionBlock.
inline const float* centred_bias(const Attention& attention, size_t head) {
  return attention.bias == nullptr ? nullptr : own(*attention.bias).row(head) + attention.span - 1;
}

}  // namespace twofour::cpu

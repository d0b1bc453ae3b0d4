// out = LayerNorm(word[id] + position[position] + type[type])
//
// ids, positions, types [tokens]; tables [n, stride] fp32; gain, bias [stride] fp32; out [tokens, stride].
// Used by the backend's `embed`, once per pass. Moves 12 bytes of tables (8 without types; those of positions
// and types mostly from L2) and the written word per element.
#include "cuda/kernels/normalise_row.h"
#include "cuda/kernels/row_kernel.h"

namespace twofour::cuda {
namespace {

struct EmbeddingSource {
  EmbeddingTables tables;
  const int32_t *ids, *positions, *types;
  size_t stride;

  __device__ __forceinline__ void load(size_t token, size_t column, float (&x)[kColumns]) const {
    load_columns(tables.word + static_cast<size_t>(ids[token]) * stride + column, x);
    add(tables.position, positions[token], column, x);
    if (tables.type != nullptr) add(tables.type, types[token], column, x);
  }
  __device__ __forceinline__ void add(const float* table, int32_t row, size_t column,
                                      float (&x)[kColumns]) const {
    float y[kColumns];
    load_columns(table + static_cast<size_t>(row) * stride + column, y);
    for (int i = 0; i < kColumns; ++i) x[i] += y[i];
  }
};

}  // namespace

void embed_norm(const DeviceBatch& batch, const EmbeddingTables& tables, const NormWeights& norm,
                const Rows& out, const Quantised& quantised, Stream stream) {
  const EmbeddingSource source{tables, batch.ids, batch.positions, batch.types, out.stride};
  with_word(out.word, [&]<class T>(std::type_identity<T>) {
    launch_rows<T>("embed_norm", source, LayerNorm{norm}, batch.tokens(), out, quantised, stream);
  });
}

}  // namespace twofour::cuda

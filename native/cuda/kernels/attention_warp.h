#pragma once
#include <limits>

#include "cuda/kernels/attention_tile.h"

/// One warp's part of attention: kTiles times 16 queries against kKeys keys at a time, all in registers but K
/// and V. Fragments are those of multiply_16x8x16: of scores and sums a lane holds rows lane / 4 and lane / 4
/// + 8 of each sixteen, columns 2 · (lane % 4) and the next of each eight.
namespace twofour::cuda {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <class T, int kSize, int kKeys, int kTiles>
class AttentionWarp {
 public:
  using Layout = TileLayout<kSize>;

  /// From shared memory, rows first_row … first_row + 16 · kTiles − 1 of `tile`.
  __device__ __forceinline__ void load_queries(const SharedArray<T>& tile, int offset, int first_row) {
    const int row = lane_ % 16, chunk = lane_ / 16;
    UNROLL for (int m = 0; m < kTiles; ++m) {
      UNROLL for (int k = 0; k < kSize / 16; ++k) {
        load_matrix_x4(queries_[m][k],
                       tile.at(offset + Layout::element(first_row + m * 16 + row, 2 * k + chunk)));
      }
    }
  }

  /// scores = Q Kᵀ
  __device__ __forceinline__ void score(const SharedArray<T>& keys, int offset) {
    UNROLL for (int m = 0; m < kTiles; ++m) {
      UNROLL for (int n = 0; n < kKeys / 8; ++n) { UNROLL for (int i = 0; i < 4; ++i) scores_[m][n][i] = 0; }
    }
    const int row = lane_ % 8 + lane_ / 16 * 8, chunk = lane_ / 8 % 2;
    UNROLL for (int k = 0; k < kSize / 16; ++k) {
      UNROLL for (int n = 0; n < kKeys / 16; ++n) {
        uint32_t r[4];
        load_matrix_x4(r, keys.at(offset + Layout::element(n * 16 + row, 2 * k + chunk)));
        multiply_pair(scores_, n, queries_, k, r);
      }
    }
  }

  /// score = revise(query, key, score) for each, counted from the warp's first query and the tile's first
  /// key.
  template <class Revise>
  __device__ __forceinline__ void revise(const Revise& revise) {
    UNROLL for (int m = 0; m < kTiles; ++m) {
      UNROLL for (int n = 0; n < kKeys / 8; ++n) {
        UNROLL for (int i = 0; i < 4; ++i) {
          scores_[m][n][i] = revise(row_of(m, i / 2), n * 8 + lane_ % 4 * 2 + i % 2, scores_[m][n][i]);
        }
      }
    }
  }

  /// scores become 2^(factor · (score − highest so far)); what was summed before is scaled to the new
  /// highest.
  __device__ __forceinline__ void weigh(float factor) {
    UNROLL for (int m = 0; m < kTiles; ++m) {
      UNROLL for (int half = 0; half < 2; ++half) {
        float highest = highest_[m][half];
        UNROLL for (int n = 0; n < kKeys / 8; ++n) highest =
            fmaxf(highest, fmaxf(scores_[m][n][2 * half], scores_[m][n][2 * half + 1]));
        highest = fmaxf(highest, __shfl_xor_sync(0xffffffffu, highest, 1));
        highest = fmaxf(highest, __shfl_xor_sync(0xffffffffu, highest, 2));

        const float rescale = exp2_fast((highest_[m][half] - highest) * factor), shift = highest * factor;
        highest_[m][half] = highest;
        totals_[m][half] *= rescale;
        UNROLL for (int n = 0; n < kSize / 8; ++n) {
          UNROLL for (int i = 0; i < 2; ++i) sums_[m][n][2 * half + i] *= rescale;
        }
        UNROLL for (int n = 0; n < kKeys / 8; ++n) {
          UNROLL for (int i = 0; i < 2; ++i) {
            const float weight = exp2_fast(scores_[m][n][2 * half + i] * factor - shift);
            scores_[m][n][2 * half + i] = weight;
            totals_[m][half] += weight;
          }
        }
      }
    }
  }

  /// sums += weights · V
  __device__ __forceinline__ void sum(const SharedArray<T>& values, int offset) {
    const int row = lane_ % 16, chunk = lane_ / 16;
    UNROLL for (int k = 0; k < kKeys / 16; ++k) {
      uint32_t weights[kTiles][1][4];
      UNROLL for (int m = 0; m < kTiles; ++m) {
        UNROLL for (int i = 0; i < 4; ++i) {
          const float(&pair)[4] = scores_[m][2 * k + i / 2];
          weights[m][0][i] = pack_pair<T>(pair[i % 2 * 2], pair[i % 2 * 2 + 1]);
        }
      }
      UNROLL for (int n = 0; n < kSize / 16; ++n) {
        uint32_t r[4];
        load_matrix_x4_transposed(r, values.at(offset + Layout::element(k * 16 + row, 2 * n + chunk)));
        multiply_pair(sums_, n, weights, 0, r);
      }
    }
  }

  /// visit(query, column, low, high) for each pair of neighbouring columns of the result.
  template <class Visit>
  __device__ __forceinline__ void each_result(const Visit& visit) {
    UNROLL for (int m = 0; m < kTiles; ++m) {
      UNROLL for (int half = 0; half < 2; ++half) {
        float total = totals_[m][half];
        total += __shfl_xor_sync(0xffffffffu, total, 1);
        total += __shfl_xor_sync(0xffffffffu, total, 2);
        const float share = 1 / total;
        UNROLL for (int n = 0; n < kSize / 8; ++n) {
          const float(&sums)[4] = sums_[m][n];
          visit(row_of(m, half), n * 8 + lane_ % 4 * 2, sums[2 * half] * share, sums[2 * half + 1] * share);
        }
      }
    }
  }

 private:
  __device__ __forceinline__ int row_of(int m, int half) const { return m * 16 + half * 8 + lane_ / 4; }

  /// Columns 16 n … 16 n + 15 of d += a[.][k] · r, where r holds B's fragments of both eights.
  template <int kN, int kK>
  __device__ __forceinline__ static void multiply_pair(float (&d)[kTiles][kN][4], int n,
                                                       const uint32_t (&a)[kTiles][kK][4], int k,
                                                       const uint32_t (&r)[4]) {
    const uint32_t low[2] = {r[0], r[1]}, high[2] = {r[2], r[3]};
    UNROLL for (int m = 0; m < kTiles; ++m) {
      multiply_16x8x16<T>(d[m][2 * n], a[m][k], low);
      multiply_16x8x16<T>(d[m][2 * n + 1], a[m][k], high);
    }
  }

  const int lane_ = threadIdx.x % 32;
  uint32_t queries_[kTiles][kSize / 16][4];
  float scores_[kTiles][kKeys / 8][4];
  float sums_[kTiles][kSize / 8][4] = {};
  float highest_[kTiles][2], totals_[kTiles][2] = {};

 public:
  __device__ __forceinline__ AttentionWarp() {
    UNROLL for (int m = 0; m < kTiles; ++m) highest_[m][0] = highest_[m][1] = -kInfinity;
  }
};

}  // namespace twofour::cuda

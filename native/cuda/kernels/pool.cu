// out[sequence] = one row of the sequence's tokens after the first `skip`: mean, sum / √tokens, largest,
// first, last, or mean weighted by place; divided by its length where that is asked for
//
// in [tokens, stride]; offsets [sequences + 1]; out [sequences, stride]. Used once per pass. Each column is
// summed in fp32 in the order of tokens, by one thread. Moves one read word per element of `in`.
#include "cuda/kernels/normalise_row.h"
#include "cuda/kernels/row_kernel.h"

namespace twofour::cuda {
namespace {

template <class T>
struct PooledSource {
  const void* data;
  size_t stride;
  const int32_t* offsets;
  Pooling pooling;
  uint32_t skip;

  __device__ __forceinline__ void load(size_t sequence, size_t column, float (&x)[kColumns]) const {
    const auto start = static_cast<size_t>(offsets[sequence]),
               end = static_cast<size_t>(offsets[sequence + 1]);
    const size_t begin = start + skip;
    for (int i = 0; i < kColumns; ++i) x[i] = 0;
    if (start == end) return;
    const T* first = static_cast<const T*>(data) + column;
    if (begin >= end) return load_skipped(first + start * stride, x);
    const float tokens = static_cast<float>(end - begin);
    switch (pooling) {
      case Pooling::mean:
        return sum(first, begin, end, 1 / tokens, x);
      case Pooling::mean_sqrt_length:
        return sum(first, begin, end, 1 / sqrtf(tokens), x);
      case Pooling::cls:
        return load_columns(first + begin * stride, x);
      case Pooling::last_token:
        return load_columns(first + (end - 1) * stride, x);
      case Pooling::max:
        load_columns(first + begin * stride, x);
        return join(first, begin + 1, end, x, [](float a, float b) { return fmaxf(a, b); });
      case Pooling::weighted_mean:
        return weigh(first, start, begin, end, x);
    }
  }

 private:
  template <class Join>
  __device__ __forceinline__ void join(const T* first, size_t begin, size_t end, float (&x)[kColumns],
                                       const Join& both) const {
    for (size_t token = begin; token < end; ++token) {
      float row[kColumns];
      load_columns(first + token * stride, row);
      for (int i = 0; i < kColumns; ++i) x[i] = both(x[i], row[i]);
    }
  }
  /// What is left of a sequence of which all tokens are skipped; `first` is the row of its first.
  __device__ __forceinline__ void load_skipped(const T* first, float (&x)[kColumns]) const {
    if (pooling == Pooling::cls) return load_columns(first, x);
    if (pooling != Pooling::max) return;
    for (int i = 0; i < kColumns; ++i) x[i] = -INFINITY;
  }
  __device__ __forceinline__ void weigh(const T* first, size_t start, size_t begin, size_t end,
                                        float (&x)[kColumns]) const {
    const size_t lowest = begin - start + 1, highest = end - start;
    const float factor = 2 / (static_cast<float>(lowest + highest) * static_cast<float>(end - begin));
    for (size_t token = begin; token < end; ++token) {
      float row[kColumns];
      load_columns(first + token * stride, row);
      const float weight = static_cast<float>(token - start + 1);
      for (int i = 0; i < kColumns; ++i) x[i] += weight * row[i];
    }
    for (int i = 0; i < kColumns; ++i) x[i] *= factor;
  }
  __device__ __forceinline__ void sum(const T* first, size_t begin, size_t end, float factor,
                                      float (&x)[kColumns]) const {
    join(first, begin, end, x, [](float a, float b) { return a + b; });
    for (int i = 0; i < kColumns; ++i) x[i] *= factor;
  }
};

}  // namespace

void pool(const Rows& in, const PoolRule& rule, const DeviceBatch& batch, const Rows& out,
          const Quantised& quantised, Stream stream) {
  require(in.word == out.word, "a pooling between two words");
  // More threads than columns need in other verbs: each goes through all tokens.
  with_word(out.word, [&]<class T>(std::type_identity<T>) {
    launch_rows<T>("pool", PooledSource<T>{in.data, in.stride, batch.offsets, rule.pooling, rule.skip},
                   UnitLength{rule.normalize}, batch.sequences(), out, quantised, stream, true);
  });
}

}  // namespace twofour::cuda

// out[sequence] = one row of the sequence's tokens: mean, sum / √tokens, largest, first or last; divided by
// its length where that is asked for
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

  __device__ __forceinline__ void load(size_t sequence, size_t column, float (&x)[kColumns]) const {
    const auto begin = static_cast<size_t>(offsets[sequence]),
               end = static_cast<size_t>(offsets[sequence + 1]);
    for (int i = 0; i < kColumns; ++i) x[i] = 0;
    if (begin == end) return;
    const T* first = static_cast<const T*>(data) + column;
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
  __device__ __forceinline__ void sum(const T* first, size_t begin, size_t end, float factor,
                                      float (&x)[kColumns]) const {
    join(first, begin, end, x, [](float a, float b) { return a + b; });
    for (int i = 0; i < kColumns; ++i) x[i] *= factor;
  }
};

}  // namespace

void pool(const Rows& in, Pooling pooling, bool normalize, const DeviceBatch& batch, const Rows& out,
          const Quantised& quantised, Stream stream) {
  require(in.word == out.word, "a pooling between two words");
  // More threads than columns need in other verbs: each goes through all tokens.
  with_word(out.word, [&]<class T>(std::type_identity<T>) {
    launch_rows<T>("pool", PooledSource<T>{in.data, in.stride, batch.offsets, pooling}, UnitLength{normalize},
                   batch.sequences(), out, quantised, stream, true);
  });
}

}  // namespace twofour::cuda

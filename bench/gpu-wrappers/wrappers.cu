// A kernel for each name of native/cuda/device/device.h, which is either that file or the emulator's of the
// same names: what both compute is compared by the step `wrappers` of gpu-check, and the instruction that
// nvcc makes of each by .ci/ptx.mjs. in and out: [threads, words of a thread].
#include "wrappers.h"

#include "device.h"
// After device.h, for the emulator's does without.
#include "cuda/device/e4m3.h"
#include "inputs.h"

namespace wrappers {
namespace {

using namespace twofour::cuda;
using Four = Vector<uint32_t, 4>;

constexpr unsigned kAll = 0xffffffff;

__device__ __forceinline__ unsigned thread() { return blockIdx.x * kThreads + threadIdx.x; }
__device__ __forceinline__ float number(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof(x));
  return x;
}
__device__ __forceinline__ uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof(bits));
  return bits;
}

template <class T>
__global__ void widen(const uint32_t* in, uint32_t* out) {
  out[thread()] = bits_of(to_float(T{static_cast<decltype(T::bits)>(in[thread()])}));
}
template <class T>
__global__ void narrow(const uint32_t* in, uint32_t* out) {
  out[thread()] = from_float<T>(number(in[thread()])).bits;
}
/// What cards before 8.9 do, on every card.
__global__ void narrow_by_steps(const uint32_t* in, uint32_t* out) {
  const float x = number(in[thread()]);
  out[thread()] = x != x ? 0x7f : e4m3_by_steps(x);
}
template <class T>
__global__ void pair(const uint32_t* in, uint32_t* out) {
  out[thread()] = pack_pair<T>(number(in[2 * thread()]), number(in[2 * thread() + 1]));
}
__global__ void whole(const uint32_t* in, uint32_t* out) {
  out[thread()] = static_cast<uint32_t>(round_to_int(number(in[thread()])));
}
__global__ void power(const uint32_t* in, uint32_t* out) {
  out[thread()] = bits_of(exp2_fast(number(in[thread()])));
}

/// Four words at once, through shared memory to the thread at the other end of the block.
__global__ void vectors(const uint32_t* in, uint32_t* out) {
  SHARED_ARRAY(uint32_t, tile, 4 * kThreads);
  tile.store_as(4 * threadIdx.x, load_global_as<Four>(in + 4 * threadIdx.x));
  __syncthreads();
  store_global_as(out + 4 * threadIdx.x, tile.load_as<Four>(4 * (kThreads - 1 - threadIdx.x)));
}

/// Two groups: one is waited for while the other may be on its way. Of each third thread zeros.
__global__ void copies(const uint32_t* in, uint32_t* out) {
  SHARED_ARRAY(uint32_t, first, 4 * kThreads);
  DYNAMIC_SHARED(uint32_t, second, 0, 4 * kThreads);
  const unsigned own = 4 * threadIdx.x, other = 4 * (kThreads - 1 - threadIdx.x);
  copy_async16(first.at(own), in + own, threadIdx.x % 3 != 0);
  copy_async_commit();
  copy_async16(second.at(other), in + own, threadIdx.x % 3 != 1);
  copy_async_commit();
  copy_async_wait<1>();
  __syncthreads();
  out[own] = first.load(other);
  out[own + 1] = first.load(other + 3);
  copy_async_wait<0>();
  __syncthreads();
  out[own + 2] = second.load(other + 1);
  out[own + 3] = second.load(own + 2);
}

/// A warp's four matrices are its 128 words, a row four of them.
__device__ __forceinline__ SharedPlace place_of_row(const SharedArray<uint32_t>& tile, unsigned row) {
  return tile.at(threadIdx.x / 32 * 128 + row * 4);
}
template <bool transposed>
__global__ void matrices4(const uint32_t* in, uint32_t* out) {
  SHARED_ARRAY(uint32_t, tile, 4 * kThreads);
  for (unsigned i = 0; i < 4; ++i) tile.store(i * kThreads + threadIdx.x, in[i * kThreads + threadIdx.x]);
  __syncthreads();
  uint32_t r[4];
  const SharedPlace row = place_of_row(tile, threadIdx.x % 32);
  if constexpr (transposed) {
    load_matrix_x4_transposed(r, row);
  } else {
    load_matrix_x4(r, row);
  }
  for (unsigned i = 0; i < 4; ++i) out[4 * threadIdx.x + i] = r[i];
}
template <bool transposed>
__global__ void matrices2(const uint32_t* in, uint32_t* out) {
  SHARED_ARRAY(uint32_t, tile, 4 * kThreads);
  for (unsigned i = 0; i < 4; ++i) tile.store(i * kThreads + threadIdx.x, in[i * kThreads + threadIdx.x]);
  __syncthreads();
  uint32_t r[2];
  // The rows that the upper half of the warp passes are not read.
  const SharedPlace row = place_of_row(tile, threadIdx.x % 32);
  if constexpr (transposed) {
    load_matrix_x2_transposed(r, row);
  } else {
    load_matrix_x2(r, row);
  }
  for (unsigned i = 0; i < 2; ++i) out[4 * threadIdx.x + i] = r[i];
}

/// Of a thread's 16 numbers, eight are A's, four B's and four D's.
template <class T>
__global__ void product(const uint32_t* in, uint32_t* out) {
  float x[16], d[4];
  for (unsigned i = 0; i < 16; ++i) x[i] = number(in[16 * threadIdx.x + i]);
  uint32_t a[4], b[2];
  for (unsigned i = 0; i < 4; ++i) a[i] = pack_pair<T>(x[2 * i], x[2 * i + 1]);
  for (unsigned i = 0; i < 2; ++i) b[i] = pack_pair<T>(x[8 + 2 * i], x[9 + 2 * i]);
  for (unsigned i = 0; i < 4; ++i) d[i] = x[12 + i];
  multiply_16x8x16<T>(d, a, b);
  for (unsigned i = 0; i < 4; ++i) out[4 * threadIdx.x + i] = bits_of(d[i]);
}

__global__ void exchanges(const uint32_t* in, uint32_t* out) {
  const uint32_t own = in[4 * threadIdx.x];
  out[4 * threadIdx.x] = __shfl_xor_sync(kAll, own, 16);
  out[4 * threadIdx.x + 1] = __shfl_xor_sync(kAll, own, 3);
  out[4 * threadIdx.x + 2] = __shfl_sync(kAll, own, 5);
  out[4 * threadIdx.x + 3] = __ballot_sync(kAll, threadIdx.x % 5 == 1);
}

__global__ void sums(const uint32_t* in, uint32_t* out) {
  atomicAdd(reinterpret_cast<int*>(out) + threadIdx.x % 7, static_cast<int>(in[4 * threadIdx.x] & 0xffff));
}

template <void kernel(const uint32_t*, uint32_t*), size_t dynamic_bytes = 0>
int start(const uint32_t* in, uint32_t* out, unsigned blocks) {
  return launch(kernel, Grid{blocks}, Grid{kThreads}, dynamic_bytes, nullptr, in, out);
}

}  // namespace

const std::vector<Wrapper>& all() {
  static const std::vector<Wrapper> wrappers = {
      {"to_float of Half", Likeness::numbers, 1, 1, words16, start<widen<Half>>},
      {"to_float of Bfloat16", Likeness::numbers, 1, 1, words16, start<widen<Bfloat16>>},
      {"to_float of E4m3", Likeness::numbers, 1, 1, words8, start<widen<E4m3>>},
      {"from_float to Half", Likeness::bits, 1, 1, floats, start<narrow<Half>>},
      {"from_float to Bfloat16", Likeness::bits, 1, 1, floats, start<narrow<Bfloat16>>},
      {"from_float to E4m3", Likeness::bits, 1, 1, floats, start<narrow<E4m3>>},
      {"e4m3_by_steps", Likeness::bits, 1, 1, floats, start<narrow_by_steps>},
      {"pack_pair of Half", Likeness::bits, 2, 1, float_pairs, start<pair<Half>>},
      {"pack_pair of Bfloat16", Likeness::bits, 2, 1, float_pairs, start<pair<Bfloat16>>},
      {"round_to_int", Likeness::bits, 1, 1, floats, start<whole>},
      {"exp2_fast", Likeness::near, 1, 1, exponents, start<power>},
      {"vectors of 16 bytes", Likeness::bits, 4, 4, numbered, start<vectors>},
      {"copy_async16", Likeness::bits, 4, 4, numbered, start<copies, 16 * kThreads>},
      {"load_matrix_x4", Likeness::bits, 4, 4, numbered, start<matrices4<false>>},
      {"load_matrix_x4_transposed", Likeness::bits, 4, 4, numbered, start<matrices4<true>>},
      {"load_matrix_x2", Likeness::bits, 4, 4, numbered, start<matrices2<false>>},
      {"load_matrix_x2_transposed", Likeness::bits, 4, 4, numbered, start<matrices2<true>>},
      {"multiply_16x8x16 of Half", Likeness::numbers, 16, 4, small_wholes, start<product<Half>>},
      {"multiply_16x8x16 of Bfloat16", Likeness::numbers, 16, 4, small_wholes, start<product<Bfloat16>>},
      {"shuffles and ballots", Likeness::bits, 4, 4, numbered, start<exchanges>},
      {"atomicAdd", Likeness::bits, 4, 1, numbered, start<sums>},
  };
  return wrappers;
}

}  // namespace wrappers

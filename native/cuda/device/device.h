#pragma once
#include <cuda_runtime.h>
#include <nv/target>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

/// What kernels may use beside CUDA's own index and synchronisation names, for nvcc. native/emulation/device
/// holds the same names for a CPU, with every access checked; kernels write `#include "device.h"` and the
/// build chooses. Needs sm_80.
namespace twofour::cuda {

/// The most bytes of shared memory, static and dynamic together, that a block has on every card from sm_80
/// on; static alone: 48 KiB.
inline constexpr size_t kSharedBytes = 99 * 1024;
inline constexpr size_t kStaticSharedBytes = 48 * 1024;

// Numbers ---------------------------------------------------------------------------------------------------

/// Storage of 16- and 8-bit numbers. Zero bits are 0.
struct Half {
  uint16_t bits;
};
struct Bfloat16 {
  uint16_t bits;
};
struct E4m3 {
  uint8_t bits;
};

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(Half x) {
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
  return wide;
}
__device__ __forceinline__ float to_float(Bfloat16 x) {
  return __uint_as_float(static_cast<uint32_t>(x.bits) << 16);
}
/// As a Half of the same fields, whose exponent is 8 less.
__device__ __forceinline__ float to_float(E4m3 x) {
  const auto half = static_cast<uint16_t>((x.bits & 0x80) << 8 | (x.bits & 0x7f) << 7);
  return (x.bits & 0x7f) == 0x7f ? __uint_as_float(0x7fffffff) : to_float(Half{half}) * 256;
}

/// The nearest whole number, ties to even; beyond int the nearest int; NaN is 0.
__device__ __forceinline__ int round_to_int(float x) { return __float2int_rn(x); }

}  // namespace twofour::cuda

#include "cuda/device/e4m3.h"

namespace twofour::cuda {

/// What e4m3_by_steps gives.
__device__ __forceinline__ uint8_t e4m3_by_instruction(float x) {
  uint16_t pair;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(0.0f), "f"(x));
  return static_cast<uint8_t>(pair);
}
__device__ __forceinline__ uint8_t e4m3_bits(float x) {
  NV_IF_ELSE_TARGET(NV_PROVIDES_SM_89, (return e4m3_by_instruction(x);), (return e4m3_by_steps(x);))
}

/// The nearest T, ties to even. Half and Bfloat16 become infinite beyond the largest, E4m3 stays at 448; NaN
/// becomes one NaN of all bits but the sign.
template <class T>
__device__ __forceinline__ T from_float(float x) {
  uint16_t bits;
  if constexpr (std::is_same_v<T, Half>) {
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return {bits};
  } else if constexpr (std::is_same_v<T, Bfloat16>) {
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return {bits};
  } else if constexpr (std::is_same_v<T, E4m3>) {
    return {static_cast<uint8_t>(x != x ? 0x7f : e4m3_bits(x))};
  } else {
    static_assert(std::is_same_v<T, float>);
    return x;
  }
}

/// Two 16-bit numbers in one register, `low` in the low half.
template <class T>
__device__ __forceinline__ uint32_t pack_pair(float low, float high) {
  uint32_t pair;
  if constexpr (std::is_same_v<T, Half>) {
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  } else {
    static_assert(std::is_same_v<T, Bfloat16>);
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  }
  return pair;
}

/// 2^x within two units in the last place, in one instruction; what would be subnormal is 0.
__device__ __forceinline__ float exp2_fast(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}

// Vectors ---------------------------------------------------------------------------------------------------

/// `count` numbers that are read and written at once, aligned to their size (4, 8 or 16 bytes).
template <class T, int count>
struct alignas(sizeof(T) * count) Vector {
  T values[count];
  __device__ __forceinline__ T& operator[](int i) { return values[i]; }
  __device__ __forceinline__ const T& operator[](int i) const { return values[i]; }
};

template <size_t bytes>
using Register = std::conditional_t<bytes == 16, uint4, std::conditional_t<bytes == 8, uint2, uint32_t>>;

/// One access of sizeof(V) (4, 8 or 16) bytes, which `from` and `to` must be aligned to. Global memory.
template <class V>
__device__ __forceinline__ V load_global_as(const void* from) {
  static_assert(sizeof(V) == 4 || sizeof(V) == 8 || sizeof(V) == 16);
  const auto word = *static_cast<const Register<sizeof(V)>*>(from);
  V value;
  memcpy(&value, &word, sizeof(V));
  return value;
}
template <class V>
__device__ __forceinline__ void store_global_as(void* to, const V& value) {
  static_assert(sizeof(V) == 4 || sizeof(V) == 8 || sizeof(V) == 16);
  Register<sizeof(V)> word;
  memcpy(&word, &value, sizeof(V));
  *static_cast<Register<sizeof(V)>*>(to) = word;
}

// Shared memory ---------------------------------------------------------------------------------------------

/// Where in shared memory: what asynchronous copies and matrix loads take.
struct SharedPlace {
  uint32_t address;
};

/// `count` T in shared memory, seen by all threads of the block. Indices count T. A view: copies are cheap.
template <class T>
class SharedArray {
 public:
  __device__ __forceinline__ explicit SharedArray(T* first) : first_(first) {}
  __device__ __forceinline__ T load(size_t i) const { return first_[i]; }
  __device__ __forceinline__ void store(size_t i, T value) const { first_[i] = value; }
  /// sizeof(V) (4, 8 or 16) bytes at once from element i, whose place must be a multiple of them.
  template <class V>
  __device__ __forceinline__ V load_as(size_t i) const {
    return load_global_as<V>(first_ + i);
  }
  template <class V>
  __device__ __forceinline__ void store_as(size_t i, const V& value) const {
    store_global_as(first_ + i, value);
  }
  __device__ __forceinline__ SharedPlace at(size_t i) const {
    return {static_cast<uint32_t>(__cvta_generic_to_shared(first_ + i))};
  }

 private:
  T* first_;
};

extern __shared__ __align__(16) unsigned char dynamic_shared[];

/// Declares SharedArray<T> `name` of `count` (a constant) T, 16-byte aligned.
#define SHARED_ARRAY(T, name, count)           \
  __shared__ __align__(16) T name##_[(count)]; \
  const ::twofour::cuda::SharedArray<T> name(name##_)

/// Declares SharedArray<T> `name` over bytes [byte_offset, byte_offset + count · sizeof(T)) of the dynamic
/// shared memory that launch() was given; its beginning is 16-byte aligned.
#define DYNAMIC_SHARED(T, name, byte_offset, count) \
  const ::twofour::cuda::SharedArray<T> name(       \
      reinterpret_cast<T*>(::twofour::cuda::dynamic_shared + (byte_offset)))

/// Starts to copy 16 bytes of global memory, both ends 16-byte aligned; zeros instead where not `valid`, and
/// then `from` is not read. They may be read after the copy_async_wait that covers them and, by other
/// threads, a barrier.
__device__ __forceinline__ void copy_async16(SharedPlace to, const void* from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to.address),
               "l"(__cvta_generic_to_global(from)), "r"(valid ? 16 : 0)
               : "memory");
}
/// The copies that this thread started since its last commit become a group (maybe of none).
__device__ __forceinline__ void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until all of this thread's groups but the latest `pending` are there.
template <int pending>
__device__ __forceinline__ void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

// Tensor cores: all 32 lanes of a warp take part ------------------------------------------------------------

/// Loads 8×8 matrices of 16-bit elements. Lane l passes the place of row l % 8 of matrix l / 8, 16 bytes,
/// aligned so. Lane l receives in r[i] elements 2·(l % 4) and 2·(l % 4) + 1 of row l / 4 of matrix i;
/// transposed: rows 2·(l % 4) and 2·(l % 4) + 1 of column l / 4. Of x2 only the rows of lanes 0…15 are read.
__device__ __forceinline__ void load_matrix_x4(uint32_t (&r)[4], SharedPlace row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row.address)
               : "memory");
}
__device__ __forceinline__ void load_matrix_x4_transposed(uint32_t (&r)[4], SharedPlace row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row.address)
               : "memory");
}
__device__ __forceinline__ void load_matrix_x2(uint32_t (&r)[2], SharedPlace row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(row.address)
               : "memory");
}
__device__ __forceinline__ void load_matrix_x2_transposed(uint32_t (&r)[2], SharedPlace row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(row.address)
               : "memory");
}

/// D += A · B, A [16, 16] and B [16, 8] of T (Half or Bfloat16), D [16, 8] of float, spread over the lanes as
/// the PTX ISA says for mma.m16n8k16. With g = lane / 4, p = 2 · (lane % 4), each register's low half first:
/// a: rows g, g + 8, g, g + 8 at columns p, p, p + 8, p + 8 (and the next column); b: rows p and p + 8 (and
/// the next) of column g; d: row g at columns p and p + 1, then row g + 8. Volatile, though it has no effect
/// but d: the compiler must not move it to where only some lanes want d.
template <class T>
__device__ __forceinline__ void multiply_16x8x16(float (&d)[4], const uint32_t (&a)[4],
                                                 const uint32_t (&b)[2]) {
  if constexpr (std::is_same_v<T, Half>) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    static_assert(std::is_same_v<T, Bfloat16>);
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
}

// Launching -------------------------------------------------------------------------------------------------

struct Grid {
  unsigned x = 1, y = 1, z = 1;
};

/// Puts the kernel on the stream; returns a cudaError_t. `block` is a whole number of warps, `dynamic_bytes`
/// at most kSharedBytes less the kernel's static shared memory. Host side.
template <class... Parameters, class... Arguments>
int launch(void (*kernel)(Parameters...), Grid grid, Grid block, size_t dynamic_bytes, CUstream_st* stream,
           const Arguments&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments));
  const auto* function = reinterpret_cast<const void*>(kernel);
  if (dynamic_bytes > kStaticSharedBytes) {
    // Beyond this a kernel has to ask.
    const cudaError_t status = cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                    static_cast<int>(dynamic_bytes));
    if (status != cudaSuccess) return status;
  }
  return [&](Parameters... values) {
    // One entry more, for a kernel of no parameters.
    void* places[] = {static_cast<void*>(&values)..., nullptr};
    return cudaLaunchKernel(function, {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, places,
                            dynamic_bytes, stream);
  }(arguments...);
}

}  // namespace twofour::cuda

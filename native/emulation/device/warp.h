#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>

#include "emulation/device/numbers.h"
#include "emulation/device/shared_array.h"
#include "emulation/device/where.h"

namespace twofour::emulation {

uint32_t shuffle(uint32_t mask, uint32_t value, uint32_t from_lane, Where where);
uint32_t lane_of_this_thread();
uint32_t ballot(uint32_t mask, bool vote, Where where);
void load_matrices(uint32_t* registers, uint32_t count, bool transposed, const cuda::SharedPlace& row,
                   Where where);
/// T: Half or Bfloat16.
template <class T>
void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Where where);

}  // namespace twofour::emulation

// CUDA's names.

void __syncthreads(twofour::emulation::Where where = twofour::emulation::Where::current());
void __syncwarp(uint32_t mask = 0xffffffff,
                twofour::emulation::Where where = twofour::emulation::Where::current());

template <class T>
T __shfl_sync(uint32_t mask, T value, int lane,
              twofour::emulation::Where where = twofour::emulation::Where::current()) {
  const auto from = static_cast<uint32_t>(lane) % 32;
  return std::bit_cast<T>(twofour::emulation::shuffle(mask, std::bit_cast<uint32_t>(value), from, where));
}

template <class T>
T __shfl_xor_sync(uint32_t mask, T value, int lanes,
                  twofour::emulation::Where where = twofour::emulation::Where::current()) {
  const uint32_t from = twofour::emulation::lane_of_this_thread() ^ static_cast<uint32_t>(lanes);
  return std::bit_cast<T>(twofour::emulation::shuffle(mask, std::bit_cast<uint32_t>(value), from, where));
}

inline uint32_t __ballot_sync(uint32_t mask, bool vote,
                              twofour::emulation::Where where = twofour::emulation::Where::current()) {
  return twofour::emulation::ballot(mask, vote, where);
}

namespace twofour::cuda {

inline void load_matrix_x4(uint32_t (&r)[4], const SharedPlace& row,
                           emulation::Where where = emulation::Where::current()) {
  emulation::load_matrices(r, 4, false, row, where);
}
inline void load_matrix_x4_transposed(uint32_t (&r)[4], const SharedPlace& row,
                                      emulation::Where where = emulation::Where::current()) {
  emulation::load_matrices(r, 4, true, row, where);
}
inline void load_matrix_x2(uint32_t (&r)[2], const SharedPlace& row,
                           emulation::Where where = emulation::Where::current()) {
  emulation::load_matrices(r, 2, false, row, where);
}
inline void load_matrix_x2_transposed(uint32_t (&r)[2], const SharedPlace& row,
                                      emulation::Where where = emulation::Where::current()) {
  emulation::load_matrices(r, 2, true, row, where);
}

/// Each element of D gets its 16 products one by one, k ascending, each sum rounded to float. (A device may
/// sum in another order and with wider or narrower intermediate sums.)
template <class T>
void multiply_16x8x16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      emulation::Where where = emulation::Where::current()) {
  emulation::multiply<T>(d, a, b, where);
}

}  // namespace twofour::cuda

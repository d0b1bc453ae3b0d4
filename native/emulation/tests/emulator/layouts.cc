#include <vector>

#include "device.h"
#include "emulation/tests/emulator/parts.h"

// The fragments of mma.m16n8k16 and ldmatrix element by element, in the PTX ISA's own terms: groupID = lane /
// 4, threadID_in_group = lane % 4, a0…a7, b0…b3, c0…c3.
namespace twofour::emulation {
namespace {

using cuda::Bfloat16;
using cuda::Half;

unsigned row_of_a(unsigned lane, unsigned i) { return lane / 4 + (i < 2 || (i >= 4 && i < 6) ? 0 : 8); }
unsigned column_of_a(unsigned lane, unsigned i) { return lane % 4 * 2 + i % 2 + (i < 4 ? 0 : 8); }
unsigned row_of_b(unsigned lane, unsigned i) { return lane % 4 * 2 + i % 2 + (i < 2 ? 0 : 8); }
unsigned column_of_b(unsigned lane, unsigned) { return lane / 4; }
unsigned row_of_c(unsigned lane, unsigned i) { return lane / 4 + (i < 2 ? 0 : 8); }
unsigned column_of_c(unsigned lane, unsigned i) { return lane % 4 * 2 + i % 2; }

template <class T>
__global__ void one_product(const float* a, const float* b, const float* c, float* d) {
  const unsigned lane = threadIdx.x;
  uint32_t a_registers[4], b_registers[2];
  float sums[4];
  for (unsigned r = 0; r < 4; ++r) {
    const unsigned i = 2 * r;
    a_registers[r] = cuda::pack_pair<T>(a[row_of_a(lane, i) * 16 + column_of_a(lane, i)],
                                        a[row_of_a(lane, i + 1) * 16 + column_of_a(lane, i + 1)]);
  }
  for (unsigned r = 0; r < 2; ++r) {
    const unsigned i = 2 * r;
    b_registers[r] = cuda::pack_pair<T>(b[row_of_b(lane, i) * 8 + column_of_b(lane, i)],
                                        b[row_of_b(lane, i + 1) * 8 + column_of_b(lane, i + 1)]);
  }
  for (unsigned i = 0; i < 4; ++i) sums[i] = c[row_of_c(lane, i) * 8 + column_of_c(lane, i)];
  cuda::multiply_16x8x16<T>(sums, a_registers, b_registers);
  for (unsigned i = 0; i < 4; ++i) d[row_of_c(lane, i) * 8 + column_of_c(lane, i)] = sums[i];
}

/// Four 8×8 matrices of 16-bit elements whose bits tell their place: matrix, row, column.
template <bool four, bool transposed>
__global__ void one_load(uint32_t* to) {
  SHARED_ARRAY(uint16_t, matrices, 4 * 8 * 8);
  const unsigned lane = threadIdx.x;
  for (unsigned i = lane; i < 256; i += 32) matrices.store(i, static_cast<uint16_t>(i));
  __syncthreads();
  uint32_t r[4] = {}, half[2];
  if (four) {
    (transposed ? cuda::load_matrix_x4_transposed : cuda::load_matrix_x4)(r, matrices.at(lane * 8), Where{});
  } else {
    // The other lanes' places are not looked at.
    const auto place = matrices.at(lane < 16 ? lane * 8 : 9999);
    (transposed ? cuda::load_matrix_x2_transposed : cuda::load_matrix_x2)(half, place, Where{});
    r[0] = half[0];
    r[1] = half[1];
  }
  for (unsigned i = 0; i < 4; ++i) to[lane * 4 + i] = r[i];
}

template <class T>
bool product_is_right() {
  std::vector<float> a(16 * 16), b(16 * 8), c(16 * 8), d(16 * 8, -1);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(static_cast<int>(i * 37 % 31) - 15);
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(static_cast<int>(i * 53 % 29) - 14);
  for (size_t i = 0; i < c.size(); ++i) c[i] = static_cast<float>(i) / 4;
  cuda::launch(one_product<T>, {1}, {32}, 0, nullptr, a.data(), b.data(), c.data(), d.data());
  for (size_t row = 0; row < 16; ++row) {
    for (size_t column = 0; column < 8; ++column) {
      float sum = c[row * 8 + column];
      for (size_t k = 0; k < 16; ++k) sum += a[row * 16 + k] * b[k * 8 + column];
      if (sum != d[row * 8 + column]) return false;
    }
  }
  return true;
}

template <bool four, bool transposed>
bool load_is_right() {
  std::vector<uint32_t> loaded(32 * 4);
  cuda::launch(one_load<four, transposed>, {1}, {32}, 0, nullptr, loaded.data());
  for (uint32_t lane = 0; lane < 32; ++lane) {
    for (uint32_t i = 0; i < (four ? 4 : 2); ++i) {
      const uint32_t group = lane / 4, pair = lane % 4 * 2;
      const uint32_t low = i * 64 + (transposed ? pair * 8 + group : group * 8 + pair);
      const uint32_t high = low + (transposed ? 8 : 1);
      if (loaded[lane * 4 + i] != (low | high << 16)) return false;
    }
  }
  return true;
}

}  // namespace

void check_layouts(Checks& checks, const std::string& prefix) {
  checks.check(prefix + "fragments of a half product lie as the PTX ISA says", product_is_right<Half>());
  checks.check(prefix + "fragments of a bfloat16 product lie as the PTX ISA says",
               product_is_right<Bfloat16>());
  checks.check(prefix + "load_matrix_x4 gives each lane its pairs", load_is_right<true, false>());
  checks.check(prefix + "load_matrix_x4_transposed gives each lane its pairs", load_is_right<true, true>());
  checks.check(prefix + "load_matrix_x2 gives each lane its pairs", load_is_right<false, false>());
  checks.check(prefix + "load_matrix_x2_transposed gives each lane its pairs", load_is_right<false, true>());
}

}  // namespace twofour::emulation

#include <algorithm>
#include <initializer_list>
#include <random>
#include <vector>

#include "device.h"
#include "emulation/tests/emulator/parts.h"

// A tiled product with double buffering, as a real kernel does it, and the same with one mistake.
namespace twofour::emulation {
namespace {

using cuda::Bfloat16;
using cuda::Half;

enum class Mistake {
  none,
  no_wait,
  wait_for_wrong_group,
  no_barrier_before_reading,
  no_barrier_before_writing,
  swapped_fragment
};

constexpr unsigned kTile = 32, kThreads = 128;
/// One chunk more than a row: rows then begin in different banks.
constexpr unsigned kRow = kTile + 8;

/// C [m, n] = A [m, k] · B [k, n]. Row-major; strides are multiples of 8, what is beyond k and n there is 0.
template <class T, Mistake mistake>
__global__ void __launch_bounds__(kThreads)
    product(const T* __restrict__ a, const T* __restrict__ b, float* c, unsigned m, unsigned n, unsigned k,
            unsigned a_stride, unsigned b_stride) {
  SHARED_ARRAY(T, a_tiles, 2 * kTile * kRow);
  DYNAMIC_SHARED(T, b_tiles, 0, 2 * kTile * kRow);
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const unsigned first_row = blockIdx.y * kTile, first_column = blockIdx.x * kTile;
  const unsigned tiles = (k + kTile - 1) / kTile;
  const auto start = [&](unsigned tile) {
    const unsigned row = threadIdx.x / 4, column = threadIdx.x % 4 * 8;
    const unsigned place = (tile % 2 * kTile + row) * kRow + column;
    const unsigned a_column = tile * kTile + column, b_row = tile * kTile + row;
    const bool a_valid = first_row + row < m && a_column < a_stride;
    const bool b_valid = b_row < k && first_column + column < b_stride;
    cuda::copy_async16(a_tiles.at(place), a + (a_valid ? (first_row + row) * a_stride + a_column : 0),
                       a_valid);
    cuda::copy_async16(b_tiles.at(place), b + (b_valid ? b_row * b_stride + first_column + column : 0),
                       b_valid);
  };
  const unsigned warp_row = warp / 2 * 16, warp_column = warp % 2 * 16;
  float sums[2][4] = {};
  start(0);
  cuda::copy_async_commit();
  for (unsigned tile = 0; tile < tiles; ++tile) {
    if (tile + 1 < tiles) start(tile + 1);
    cuda::copy_async_commit();
    if constexpr (mistake != Mistake::no_wait) {
      cuda::copy_async_wait<mistake == Mistake::wait_for_wrong_group ? 2 : 1>();
    }
    if constexpr (mistake != Mistake::no_barrier_before_reading) __syncthreads();
    const unsigned first = tile % 2 * kTile;
    for (unsigned step = 0; step < kTile; step += 16) {
      uint32_t a_part[4], b_part[2];
      cuda::load_matrix_x4(a_part, a_tiles.at((first + warp_row + lane % 16) * kRow + step + lane / 16 * 8));
      if constexpr (mistake == Mistake::swapped_fragment) std::swap(a_part[1], a_part[2]);
      for (unsigned half = 0; half < 2; ++half) {
        const unsigned column = warp_column + half * 8;
        cuda::load_matrix_x2_transposed(b_part, b_tiles.at((first + step + lane % 16) * kRow + column));
        cuda::multiply_16x8x16<T>(sums[half], a_part, b_part);
      }
    }
    if constexpr (mistake != Mistake::no_barrier_before_writing) __syncthreads();
  }
  for (unsigned i = 0; i < 8; ++i) {
    const unsigned row = first_row + warp_row + lane / 4 + i % 4 / 2 * 8;
    const unsigned column = first_column + warp_column + i / 4 * 8 + lane % 4 * 2 + i % 2;
    if (row < m && column < n) c[row * n + column] = sums[i / 4][i % 4];
  }
}

struct Matrix {
  unsigned rows, columns, stride;
  std::vector<float> values;
};

/// Small whole numbers: every sum of products is exact in float, in any order.
Matrix whole_numbers(unsigned rows, unsigned columns, unsigned seed) {
  Matrix matrix{rows, columns, (columns + 7) / 8 * 8, {}};
  matrix.values.resize(size_t{rows} * matrix.stride);
  std::mt19937 random(seed);
  for (unsigned row = 0; row < rows; ++row) {
    for (unsigned column = 0; column < columns; ++column) {
      matrix.values[size_t{row} * matrix.stride + column] = static_cast<float>(random() % 17) - 8;
    }
  }
  return matrix;
}

template <class T>
struct alignas(16) Chunk {
  T values[8];
};

template <class T>
std::vector<Chunk<T>> stored(const Matrix& matrix) {
  std::vector<Chunk<T>> chunks(matrix.values.size() / 8);
  for (size_t i = 0; i < matrix.values.size(); ++i) {
    chunks[i / 8].values[i % 8] = cuda::from_float<T>(matrix.values[i]);
  }
  return chunks;
}

/// Whether every element is right.
template <class T, Mistake mistake = Mistake::none>
bool product_is_right(unsigned m, unsigned n, unsigned k) {
  const Matrix a = whole_numbers(m, k, 1), b = whole_numbers(k, n, 2);
  const auto a_stored = stored<T>(a);
  const auto b_stored = stored<T>(b);
  std::vector<float> c(size_t{m} * n, -1);
  const unsigned across = (n + kTile - 1) / kTile, down = (m + kTile - 1) / kTile;
  cuda::launch(product<T, mistake>, {across, down}, {kThreads}, 2 * kTile * kRow * sizeof(T), nullptr,
               a_stored.data()->values, b_stored.data()->values, c.data(), m, n, k, a.stride, b.stride);
  for (unsigned row = 0; row < m; ++row) {
    for (unsigned column = 0; column < n; ++column) {
      float sum = 0;
      for (unsigned i = 0; i < k; ++i) {
        sum += a.values[size_t{row} * a.stride + i] * b.values[size_t{i} * b.stride + column];
      }
      if (c[size_t{row} * n + column] != sum) return false;
    }
  }
  return true;
}

template <Mistake mistake>
void check_caught(Checks& checks, const std::string& what, std::initializer_list<const char*> sentences) {
  const std::string fault = fault_of([] { product_is_right<Half, mistake>(45, 37, 131); });
  const bool named = fault.starts_with("Kernel product<T, mistake>, block (") &&
                     fault.find("), thread (") != std::string::npos;
  const bool said = std::any_of(sentences.begin(), sentences.end(), [&](const char* sentence) {
    return fault.find(sentence) != std::string::npos;
  });
  checks.check(what, named && said, fault.empty() ? "no fault" : fault);
}

}  // namespace

void check_products(Checks& checks, const std::string& prefix) {
  const unsigned sizes[][3] = {{1, 1, 1}, {45, 37, 131}, {32, 64, 32}, {33, 7, 100}, {70, 65, 63}};
  for (const auto& [m, n, k] : sizes) {
    const std::string size = std::to_string(m) + " × " + std::to_string(n) + " × " + std::to_string(k);
    checks.check(prefix + "a tiled product of half is right, " + size, product_is_right<Half>(m, n, k));
    checks.check(prefix + "a tiled product of bfloat16 is right, " + size,
                 product_is_right<Bfloat16>(m, n, k));
  }
  const char* const pending = "has not been waited for";
  const char* const unordered = "with no barrier between";
  check_caught<Mistake::no_wait>(checks, prefix + "a missing wait is caught", {pending});
  check_caught<Mistake::wait_for_wrong_group>(checks, prefix + "a wait for the wrong group is caught",
                                              {pending});
  // Which sentence depends on who comes first: the other warp may not have begun its copy yet.
  check_caught<Mistake::no_barrier_before_reading>(checks,
                                                   prefix + "a missing barrier before reading is caught",
                                                   {unordered, pending, "which nobody wrote"});
  check_caught<Mistake::no_barrier_before_writing>(
      checks, prefix + "a missing barrier before writing is caught", {unordered, pending});
  checks.check(prefix + "a swapped fragment gives a wrong product",
               !product_is_right<Half, Mistake::swapped_fragment>(45, 37, 131));
}

}  // namespace twofour::emulation

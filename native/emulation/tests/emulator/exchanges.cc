#include <bit>
#include <numeric>
#include <vector>

#include "device.h"
#include "emulation/tests/emulator/parts.h"

// What threads may do with one another: none of these is a fault.
namespace twofour::emulation {
namespace {

constexpr uint32_t kAll = 0xffffffff;

/// [rows, width] → the sum of each row; one warp per row, two per block.
__global__ void __launch_bounds__(64)
    sum_rows(const float* rows, float* sums, unsigned count, unsigned width) {
  const unsigned row = blockIdx.x * 2 + threadIdx.x / 32, lane = threadIdx.x % 32;
  // A whole warp may leave: no barrier follows.
  if (row >= count) return;
  float sum = 0;
  for (unsigned i = lane; i < width; i += 32) sum += rows[row * width + i];
#pragma unroll
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(kAll, sum, step);
  if (lane == 0) sums[row] = sum;
}

__global__ void broadcast_and_vote(uint32_t* to) {
  const unsigned lane = threadIdx.x;
  const int third = __shfl_sync(kAll, static_cast<int>(lane) * 10, 3);
  const uint32_t odd = __ballot_sync(kAll, lane % 2 == 1);
  // Halves of a warp may go their own ways, each with its own mask.
  uint32_t own = 0;
  if (lane < 16) {
    own = __shfl_xor_sync(0x0000ffff, lane, 1);
  } else {
    own = __ballot_sync(0xffff0000, lane >= 20);
  }
  to[lane] = odd + static_cast<uint32_t>(third) + own;
}

/// Bytes, then 16-bit elements, of different threads side by side; read as vectors after a barrier.
__global__ void neighbours(uint32_t* to) {
  SHARED_ARRAY(uint8_t, bytes, 256);
  SHARED_ARRAY(uint16_t, shorts, 128);
  const unsigned thread = threadIdx.x;
  for (unsigned i = 0; i < 4; ++i) bytes.store(i * 64 + thread, static_cast<uint8_t>(thread));
  for (unsigned i = 0; i < 2; ++i) shorts.store(i * 64 + thread, static_cast<uint16_t>(thread));
  const uint8_t own = bytes.load(thread);
  __syncthreads();
  uint32_t sum = own;
  const auto row = bytes.load_as<cuda::Vector<uint8_t, 16>>(thread % 16 * 16);
  for (int i = 0; i < 16; ++i) sum += row[i];
  sum += shorts.load_as<uint32_t>(thread * 2) >> 16;
  __syncthreads();
  // Whole words over what was bytes, then bytes again.
  bytes.store_as(thread * 4, uint32_t{0x01010101});
  __syncthreads();
  sum += bytes.load((thread * 4 + 5) % 256);
  atomicAdd(reinterpret_cast<int*>(to), static_cast<int>(sum));
}

__global__ void orders_within_a_warp(float* to) {
  SHARED_ARRAY(float, cells, 32);
  const unsigned lane = threadIdx.x;
  cells.store(lane, static_cast<float>(lane));
  __syncwarp();
  const float next = cells.load((lane + 1) % 32);
  __syncwarp();
  if (lane < 16) {
    cells.store(lane, next);
    __syncwarp(0x0000ffff);
    to[lane] = cells.load(15 - lane);
  } else {
    to[lane] = cells.load(47 - lane);
  }
}

__global__ void copies_land(const float* from, float* to) {
  DYNAMIC_SHARED(float, cells, 64, 32 * 4 * 2);
  const unsigned thread = threadIdx.x;
  cuda::copy_async16(cells.at(thread * 4), from + thread * 4, true);
  cuda::copy_async_commit();
  cuda::copy_async16(cells.at(128 + thread * 4), nullptr, false);
  cuda::copy_async_commit();
  cuda::copy_async_wait<1>();
  // What this thread copied it may read at once, and others after a barrier.
  float sum = cells.load(thread * 4);
  __syncwarp();
  sum += cells.load((thread * 4 + 9) % 128);
  cuda::copy_async_wait<0>();
  __syncthreads();
  const auto zeros = cells.load_as<cuda::Vector<float, 4>>(128 + (31 - thread) * 4);
  to[thread] = sum + zeros[0] + zeros[3];
}

__global__ void count_threads(int* integers, float* floats) {
  atomicAdd(integers + blockIdx.z, 1);
  atomicAdd(floats, static_cast<float>(threadIdx.x + threadIdx.y * blockDim.x + blockIdx.y * gridDim.x));
}

bool sums_are_right(unsigned count, unsigned width) {
  std::vector<float> rows(size_t{count} * width), sums(count);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i % 23) - 11;
  cuda::launch(sum_rows, {(count + 1) / 2}, {64}, 0, nullptr, rows.data(), sums.data(), count, width);
  for (size_t row = 0; row < count; ++row) {
    const auto first = rows.begin() + static_cast<std::ptrdiff_t>(row * width);
    if (sums[row] != std::accumulate(first, first + static_cast<std::ptrdiff_t>(width), 0.0f)) return false;
  }
  return true;
}

bool votes_are_right() {
  std::vector<uint32_t> to(32);
  cuda::launch(broadcast_and_vote, {1}, {32}, 0, nullptr, to.data());
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t own = lane < 16 ? lane ^ 1 : 0xfff00000;
    if (to[lane] != 0xaaaaaaaa + 30 + own) return false;
  }
  return true;
}

bool neighbours_are_right() {
  uint32_t sum = 0, expected = 0;
  cuda::launch(neighbours, {1}, {64}, 0, nullptr, &sum);
  for (uint32_t thread = 0; thread < 64; ++thread) {
    for (uint32_t i = 0; i < 16; ++i) expected += (thread % 16 * 16 + i) % 64;
    expected += thread + (thread * 2 + 1) % 64 + 1;
  }
  return sum == expected;
}

bool warp_order_is_right() {
  std::vector<float> to(32);
  cuda::launch(orders_within_a_warp, {1}, {32}, 0, nullptr, to.data());
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (to[lane] != static_cast<float>(lane < 16 ? 16 - lane : 47 - lane)) return false;
  }
  return true;
}

bool copies_are_right() {
  std::vector<cuda::Vector<float, 4>> from(32);
  std::vector<float> to(32);
  for (size_t i = 0; i < 128; ++i) from[i / 4].values[i % 4] = static_cast<float>(i);
  cuda::launch(copies_land, {1}, {32}, 64 + 32 * 4 * 2 * 4, nullptr, from.data()->values, to.data());
  for (unsigned i = 0; i < 32; ++i) {
    if (to[i] != static_cast<float>(i * 4 + (i * 4 + 9) % 128)) return false;
  }
  return true;
}

bool counts_are_right() {
  std::vector<int> integers(4);
  float sum = 0;
  cuda::launch(count_threads, {3, 2, 4}, {16, 6}, 0, nullptr, integers.data(), &sum);
  // 96 threads with places 0…95, in 24 blocks, of which 12 add 3 to each.
  return integers == std::vector<int>(4, 3 * 2 * 96) && sum == 24 * 95 * 96 / 2 + 12 * 96 * 3;
}

}  // namespace

void check_exchanges(Checks& checks, const std::string& prefix) {
  checks.check(prefix + "shuffles reduce a row", sums_are_right(5, 100) && sums_are_right(2, 32));
  checks.check(prefix + "lanes broadcast, vote, and meet by halves", votes_are_right());
  checks.check(prefix + "neighbouring bytes of different threads are no conflict", neighbours_are_right());
  checks.check(prefix + "__syncwarp orders what its lanes do", warp_order_is_right());
  checks.check(prefix + "copies land at their wait, and zeros where not valid", copies_are_right());
  checks.check(prefix + "indices and atomic sums cover the grid", counts_are_right());
}

}  // namespace twofour::emulation

#include <initializer_list>
#include <vector>

#include "device.h"
#include "emulation/tests/emulator/parts.h"

// Kernels with one mistake each, and the sentence that each must end with.
namespace twofour::emulation {
namespace {

using cuda::Vector;

constexpr uint32_t kAll = 0xffffffff;

__global__ void no_barrier(float* to) {
  SHARED_ARRAY(float, cells, 64);
  cells.store(threadIdx.x, 1);
  to[threadIdx.x] = cells.load((threadIdx.x + 32) % 64);
}

__global__ void no_barrier_before_writing(float* to) {
  SHARED_ARRAY(float, cells, 64);
  cells.store(threadIdx.x, 1);
  __syncthreads();
  to[threadIdx.x] = cells.load((threadIdx.x + 32) % 64);
  cells.store(threadIdx.x, 2);
}

__global__ void two_write(float*) {
  SHARED_ARRAY(float, cells, 64);
  cells.store(threadIdx.x % 32, 1);
}

__global__ void no_syncwarp(float* to) {
  SHARED_ARRAY(float, cells, 32);
  cells.store(threadIdx.x, 1);
  to[threadIdx.x] = cells.load((threadIdx.x + 1) % 32);
}

__global__ void shuffle_for_syncwarp(float* to) {
  SHARED_ARRAY(float, cells, 32);
  cells.store(threadIdx.x, 1);
  const float other = __shfl_xor_sync(kAll, 1.0f, 1);
  to[threadIdx.x] = cells.load((threadIdx.x + 1) % 32) + other;
}

__global__ void syncwarp_of_too_few(float* to) {
  SHARED_ARRAY(float, cells, 32);
  cells.store(threadIdx.x, 1);
  if (threadIdx.x < 16) {
    __syncwarp(0x0000ffff);
    to[threadIdx.x] = cells.load(16 + threadIdx.x);
  }
}

__global__ void syncwarp_for_barrier(float* to) {
  SHARED_ARRAY(float, cells, 64);
  cells.store(threadIdx.x, 1);
  __syncwarp();
  if (threadIdx.x != 0) return;
  to[0] = cells.load(40);
}

__global__ void matrix_without_syncwarp(float* to) {
  SHARED_ARRAY(uint16_t, rows, 32 * 8);
  rows.store_as(threadIdx.x * 8, Vector<uint16_t, 8>{});
  uint32_t r[4];
  cuda::load_matrix_x4(r, rows.at(threadIdx.x * 8));
  to[threadIdx.x] = static_cast<float>(r[0]);
}

__global__ void some_skip_the_barrier(float*) {
  if (threadIdx.x != 40) __syncthreads();
}

__global__ void a_warp_leaves_before_the_barrier(float*) {
  if (threadIdx.x < 32) return;
  __syncthreads();
}

__global__ void two_barriers(float*) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

__global__ void a_lane_is_missing(float* to) {
  if (threadIdx.x == 5) return;
  to[threadIdx.x] = __shfl_xor_sync(kAll, 1.0f, 1);
}

__global__ void a_lane_waits_elsewhere(float* to) {
  float sum = 0;
  if (threadIdx.x % 2 == 0) {
    sum = __shfl_xor_sync(kAll, 1.0f, 2);
  } else {
    sum = static_cast<float>(__ballot_sync(kAll, true));
  }
  to[threadIdx.x] = sum;
}

__global__ void a_lane_waits_at_the_barrier(float*) {
  if (threadIdx.x == 7) __syncthreads();
  __syncwarp();
  if (threadIdx.x != 7) __syncthreads();
}

__global__ void own_lane_left_out(float* to) { to[threadIdx.x] = __shfl_xor_sync(0x0000ffff, 1.0f, 1); }

__global__ void from_a_lane_left_out(float* to) {
  if (threadIdx.x < 16) to[threadIdx.x] = __shfl_sync(0x0000ffff, 1.0f, 20);
}

__global__ void unwritten(float* to) {
  SHARED_ARRAY(float, cells, 64);
  if (threadIdx.x != 9) cells.store(threadIdx.x, 1);
  __syncthreads();
  to[threadIdx.x] = cells.load(threadIdx.x);
}

/// What a block before wrote is not there.
__global__ void written_by_another_block(float* to) {
  SHARED_ARRAY(float, cells, 64);
  if (blockIdx.x == 1) cells.store(threadIdx.x, 1);
  if (blockIdx.x != 1) to[threadIdx.x] = cells.load(threadIdx.x);
}

__global__ void a_byte_unwritten(float* to) {
  SHARED_ARRAY(uint8_t, bytes, 64);
  if (threadIdx.x != 6) bytes.store(threadIdx.x, 1);
  __syncthreads();
  if (threadIdx.x == 0) to[0] = static_cast<float>(bytes.load_as<uint32_t>(4));
}

__global__ void beyond_the_end(float* to) {
  SHARED_ARRAY(float, cells, 60);
  SHARED_ARRAY(float, behind, 64);
  behind.store(threadIdx.x, 1);
  if (threadIdx.x == 0) to[0] = cells.load(60);
}

__global__ void before_the_beginning(float*) {
  SHARED_ARRAY(float, cells, 64);
  cells.store(threadIdx.x - 1, 1);
}

__global__ void copy_beyond_the_end(float* to) {
  SHARED_ARRAY(float, cells, 64);
  cuda::copy_async16(cells.at(62), to, false);
}

__global__ void vector_misaligned(float*) {
  SHARED_ARRAY(float, cells, 256);
  cells.store_as(threadIdx.x % 32 * 4 + 2, Vector<float, 4>{});
}

__global__ void copy_misaligned(float* to) {
  SHARED_ARRAY(float, cells, 256);
  cuda::copy_async16(cells.at(threadIdx.x % 32 * 4 + 1), to, false);
}

__global__ void copy_from_misaligned(float* to) {
  SHARED_ARRAY(float, cells, 256);
  cuda::copy_async16(cells.at(threadIdx.x * 4), to + 1, true);
}

__global__ void global_vector_misaligned(float* to) { cuda::store_global_as(to + 1, Vector<float, 2>{}); }

__global__ void copy_read_too_early(float* to) {
  SHARED_ARRAY(float, cells, 256);
  cuda::copy_async16(cells.at(threadIdx.x * 4), to, false);
  cuda::copy_async_commit();
  __syncthreads();
  to[threadIdx.x] = cells.load(threadIdx.x * 4);
}

__global__ void copy_never_committed(float* to) {
  SHARED_ARRAY(float, cells, 256);
  cuda::copy_async16(cells.at(threadIdx.x * 4), to, false);
  cuda::copy_async_wait<0>();
  to[threadIdx.x] = cells.load(threadIdx.x * 4);
}

__global__ void copy_read_without_barrier(float* to) {
  SHARED_ARRAY(float, cells, 256);
  cuda::copy_async16(cells.at(threadIdx.x * 4), to, false);
  cuda::copy_async_commit();
  __syncthreads();
  cuda::copy_async_wait<0>();
  to[threadIdx.x] = cells.load((threadIdx.x * 4 + 4) % 256);
}

__global__ void copy_written_over(float* to) {
  SHARED_ARRAY(float, cells, 256);
  cuda::copy_async16(cells.at(threadIdx.x * 4), to, false);
  cells.store(threadIdx.x * 4 + 1, 1);
}

__global__ void dynamic_beyond_the_end(float*) { DYNAMIC_SHARED(float, cells, 200, 15); }

__global__ void too_much_static(float*) {
  SHARED_ARRAY(float, first, 8 * 1024);
  SHARED_ARRAY(float, second, 4 * 1024 + 1);
  first.store(threadIdx.x, 1);
  second.store(threadIdx.x, 1);
}

struct Planted {
  const char* what;
  const char* name;
  void (*kernel)(float*);
  /// All of one of them must be in the sentence: which may depend on who comes first.
  std::initializer_list<const char*> sentences;
  unsigned threads = 64;
};

const char* const kUnordered = "with no barrier between.";
const char* const kNobody = "which nobody wrote in this block.";
const char* const kPending = "has not been waited for.";

#define PLANTED(kernel) #kernel, kernel

const Planted kPlanted[] = {
    {"a missing barrier", PLANTED(no_barrier), {kUnordered, kNobody}},
    {"a missing barrier before writing", PLANTED(no_barrier_before_writing), {kUnordered}},
    {"two threads that write one element", PLANTED(two_write), {"wrote with no barrier between."}},
    {"a missing __syncwarp", PLANTED(no_syncwarp), {kUnordered, kNobody}, 32},
    {"a shuffle in place of __syncwarp",
     PLANTED(shuffle_for_syncwarp),
     {"wrote with no barrier between."},
     32},
    {"a __syncwarp of too few lanes", PLANTED(syncwarp_of_too_few), {kUnordered, kNobody}, 32},
    {"a __syncwarp in place of a barrier", PLANTED(syncwarp_for_barrier), {kUnordered, kNobody}},
    {"a matrix load with no __syncwarp",
     PLANTED(matrix_without_syncwarp),
     {"wrote with no barrier between."},
     32},
    {"a thread that skips a barrier", PLANTED(some_skip_the_barrier), {"thread (40, 0, 0) has returned."}},
    {"a warp that leaves before a barrier",
     PLANTED(a_warp_leaves_before_the_barrier),
     {"barrier divergence: waits at __syncthreads (faults.cc:"}},
    {"two barriers in two branches", PLANTED(two_barriers), {"barrier divergence: waits at __syncthreads"}},
    {"a lane missing at a shuffle",
     PLANTED(a_lane_is_missing),
     {"mask 0xffffffff) for thread (5, 0, 0), which has returned."}},
    {"lanes at different operations",
     PLANTED(a_lane_waits_elsewhere),
     {"for thread (1, 0, 0), which waits at __ballot_sync (faults.cc:"},
     32},
    {"a lane at the barrier while others meet",
     PLANTED(a_lane_waits_at_the_barrier),
     {"for thread (7, 0, 0), which waits at __syncthreads (faults.cc:"}},
    {"a mask without the own lane",
     PLANTED(own_lane_left_out),
     {"with mask 0x0000ffff, which leaves out its own lane."}},
    {"a shuffle from outside the mask",
     PLANTED(from_a_lane_left_out),
     {"shuffles from lane 20, which is not in the mask."}},
    {"an unwritten element",
     PLANTED(unwritten),
     {"thread (9, 0, 0): reads cells[9] (byte 36), which nobody wrote"}},
    {"what another block wrote", PLANTED(written_by_another_block), {kNobody}},
    {"one unwritten byte of a vector",
     PLANTED(a_byte_unwritten),
     {"reads bytes[4] (byte 4), which nobody wrote"}},
    {"a read beyond the end",
     PLANTED(beyond_the_end),
     {"reads 4 bytes at cells[60] (byte 240): out of bounds, it has 240"}},
    {"a write before the beginning",
     PLANTED(before_the_beginning),
     {"thread (0, 0, 0): writes 4 bytes at cells["}},
    {"a copy beyond the end",
     PLANTED(copy_beyond_the_end),
     {"copies 16 bytes at cells[62] (byte 248): out of bounds"}},
    {"a misaligned vector", PLANTED(vector_misaligned), {": misaligned."}},
    {"a misaligned copy", PLANTED(copy_misaligned), {": misaligned."}},
    {"a copy from a misaligned place",
     PLANTED(copy_from_misaligned),
     {"16 bytes of global memory at once: misaligned."}},
    {"a misaligned vector in global memory",
     PLANTED(global_vector_misaligned),
     {"8 bytes of global memory at once: misaligned."}},
    {"a copy read before its wait", PLANTED(copy_read_too_early), {kPending}},
    {"a copy that was never committed", PLANTED(copy_never_committed), {kPending}},
    {"a copy of another thread read with no barrier after the wait",
     PLANTED(copy_read_without_barrier),
     {kUnordered, kPending}},
    {"a copy written over on its way", PLANTED(copy_written_over), {"writes cells["}},
    {"a dynamic array beyond the end",
     PLANTED(dynamic_beyond_the_end),
     {"declares cells as bytes 200 to 260 of the dynamic"}},
    {"more static shared memory than there is",
     PLANTED(too_much_static),
     {"declares second, with which the block has 49168 bytes"}},
};

/// That the emulator can be used on.
bool still_works() {
  int count = 0;
  cuda::launch(+[](int* to) { atomicAdd(to, 1); }, {2}, {64}, 0, nullptr, &count);
  return count == 128;
}

void check_planted(Checks& checks, const std::string& prefix, const Planted& planted) {
  std::vector<Vector<float, 4>> to(64);
  const Work work{planted.name, {3}, {planted.threads}, 256, [&] { planted.kernel(to.data()->values); }};
  const std::string fault = fault_of([&] { run(work); });
  const std::string beginning = "Kernel " + std::string(planted.name) + ", block (";
  bool said = false;
  for (const char* sentence : planted.sentences) said |= fault.find(sentence) != std::string::npos;
  checks.check(prefix + planted.what + " is caught", fault.starts_with(beginning) && said && still_works(),
               fault.empty() ? "no fault" : fault);
}

}  // namespace

void check_faults(Checks& checks, const std::string& prefix) {
  for (const Planted& planted : kPlanted) check_planted(checks, prefix, planted);
}

}  // namespace twofour::emulation

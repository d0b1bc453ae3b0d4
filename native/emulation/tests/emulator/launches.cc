#include <thread>
#include <vector>

#include "device.h"
#include "emulation/tests/emulator/parts.h"

namespace twofour::emulation {
namespace {

/// Block by block: to[b] becomes the number of threads that met.
__global__ void meet(int* to, int rounds) {
  SHARED_ARRAY(int, count, 1);
  if (threadIdx.x == 0) count.store(0, 0);
  for (int round = 0; round < rounds; ++round) {
    __syncthreads();
    if (static_cast<int>(threadIdx.x) == round % static_cast<int>(blockDim.x))
      count.store(0, count.load(0) + 1);
  }
  __syncthreads();
  if (threadIdx.x == 0) to[blockIdx.x] = count.load(0);
}

bool several_hosts_at_once() {
  constexpr int kHosts = 3, kBlocks = 20, kRounds = 30;
  std::vector<std::vector<int>> counts(kHosts, std::vector<int>(kBlocks));
  std::vector<std::thread> hosts;
  for (auto& own : counts) {
    hosts.emplace_back([&] { cuda::launch(meet, {kBlocks}, {96}, 0, nullptr, own.data(), kRounds); });
  }
  for (std::thread& host : hosts) host.join();
  return counts == std::vector<std::vector<int>>(kHosts, std::vector<int>(kBlocks, kRounds));
}

/// A launcher that keeps the work, as a stream does.
std::vector<Work> kept;
int keep(const Work& work, CUstream_st*) {
  kept.push_back(work);
  return 7;
}

bool work_is_handed_over() {
  int count = 0;
  const Launcher former = set_launcher(keep);
  int status = 0;
  {
    int rounds = 5;
    status = cuda::launch(meet, {1}, {32}, 16, nullptr, &count, rounds);
    rounds = 99;
  }
  set_launcher(former);
  const bool waited = status == 7 && count == 0 && kept.size() == 1 && kept[0].kernel == "meet";
  run(kept[0]);
  kept.clear();
  return waited && count == 5;
}

void thrower(int*, int) { throw std::string("out of a kernel"); }

bool other_exceptions_come_out() {
  try {
    cuda::launch(thrower, {1}, {64}, 0, nullptr, nullptr, 0);
  } catch (const std::string& thrown) {
    return thrown == "out of a kernel";
  }
  return false;
}

void check_refused(Checks& checks, const std::string& what, cuda::Grid grid, cuda::Grid block, size_t bytes,
                   const std::string& sentence) {
  const std::string fault = fault_of([&] { cuda::launch(meet, grid, block, bytes, nullptr, nullptr, 1); });
  checks.check(what, fault == "Kernel meet: cannot be launched with " + sentence, fault);
}

}  // namespace

void check_launches(Checks& checks, const std::string& prefix) {
  checks.check(prefix + "host threads launch at the same time", several_hosts_at_once());
  checks.check(prefix + "a launcher gets the work with copies of its arguments", work_is_handed_over());
  checks.check(prefix + "what a kernel throws comes out", other_exceptions_come_out());
  check_refused(checks, prefix + "a part of a warp is refused", {1}, {33}, 0,
                "33 threads in a block: no whole number of warps.");
  check_refused(checks, prefix + "too many threads are refused", {1}, {64, 17}, 0,
                "a block of (64, 17, 1) threads.");
  check_refused(checks, prefix + "an empty grid is refused", {0}, {32}, 0, "a grid of (0, 1, 1) blocks.");
  check_refused(checks, prefix + "too much dynamic shared memory is refused", {1}, {32}, 99 * 1024 + 1,
                "101377 bytes of shared memory: more than every device has.");
}

}  // namespace twofour::emulation

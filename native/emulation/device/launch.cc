#include "emulation/device/launch.h"

#include <atomic>
#include <memory>

#include "emulation/device/block.h"

namespace twofour::emulation {
namespace {

std::atomic<Order> chosen_order{Order::ascending};
std::atomic<uint64_t> chosen_seed{1};
std::atomic<Launcher> chosen_launcher{launch_now};

}  // namespace

void run(const Work& work) {
  // Stacks and shared memory are kept for the next launch on this thread of the host; on the heap, because
  // what a library that is opened late may have of a thread's own memory is little.
  static thread_local const auto block = std::make_unique<Block>();
  block->run(work, chosen_order, chosen_seed);
}

void set_order(Order order, uint64_t seed) {
  chosen_order = order;
  chosen_seed = seed;
}

Launcher set_launcher(Launcher launcher) { return chosen_launcher.exchange(launcher); }

int launch_now(const Work& work, CUstream_st*) {
  run(work);
  return 0;
}

int hand_over(const Work& work, CUstream_st* stream) { return chosen_launcher.load()(work, stream); }

std::string kernel_name(const char* text) {
  int depth = 0;
  const char* end = text;
  for (; *end != '\0' && (*end != ',' || depth > 0); ++end) {
    depth += *end == '<' || *end == '(';
    depth -= *end == '>' || *end == ')';
  }
  return std::string(text, end);
}

}  // namespace twofour::emulation

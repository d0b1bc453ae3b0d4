#include "emulation/device/block.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <numeric>
#include <tuple>

namespace twofour::emulation {
namespace {

constexpr unsigned kLanes = 32;
constexpr unsigned kMostThreads = 1024;
constexpr unsigned kMostBlocksYZ = 65'535;

constinit thread_local Block* running_block = nullptr;

unsigned size_of(const cuda::Grid& grid) { return grid.x * grid.y * grid.z; }

Index index_of(unsigned number, const cuda::Grid& grid) {
  return {number % grid.x, number / grid.x % grid.y, number / grid.x / grid.y};
}

unsigned lowest(uint32_t lanes) { return static_cast<unsigned>(std::countr_zero(lanes)); }
unsigned highest(uint32_t lanes) { return kLanes - 1 - static_cast<unsigned>(std::countl_zero(lanes)); }
uint32_t bit(unsigned lane) { return uint32_t{1} << lane; }

std::string text_of(const Index& index) { return sentence("(", index.x, ", ", index.y, ", ", index.z, ")"); }

std::string hexadecimal(uint32_t mask) {
  char text[11];
  std::snprintf(text, sizeof text, "0x%08x", mask);
  return text;
}

/// For the length of a launch.
class Running {
 public:
  explicit Running(Block* block) { running_block = block; }
  ~Running() { running_block = nullptr; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
};

}  // namespace

Block::Block() : shared_(*this) {}

Block* Block::running() { return running_block; }

template <class T>
void Block::arrange(std::vector<T>& items) {
  if (order_ == Order::descending) std::reverse(items.begin(), items.end());
  if (order_ == Order::random) std::shuffle(items.begin(), items.end(), random_);
}

void Block::run(const Work& work, Order order, uint64_t seed) {
  work_ = &work;
  order_ = order;
  random_.seed(static_cast<unsigned>(seed));
  check_configuration();
  const Running running(this);
  while (threads_.size() < size_of(work.block)) threads_.push_back(std::make_unique<Thread>(ground_));
  shared_.begin_launch(work.dynamic_bytes);
  gridDim = {work.grid.x, work.grid.y, work.grid.z};
  blockDim = {work.block.x, work.block.y, work.block.z};
  std::vector<unsigned> blocks(size_of(work.grid));
  std::iota(blocks.begin(), blocks.end(), 0);
  arrange(blocks);
  for (const unsigned block : blocks) {
    blockIdx = index_of(block, work.grid);
    run_block();
  }
}

void Block::check_configuration() const {
  const auto& [grid, block] = std::tie(work_->grid, work_->block);
  const auto refuse = [&](const auto&... what) {
    throw KernelFault(sentence("Kernel ", work_->kernel, ": cannot be launched with ", what..., "."));
  };
  if (size_of(grid) == 0 || grid.y > kMostBlocksYZ || grid.z > kMostBlocksYZ) {
    refuse("a grid of ", text_of({grid.x, grid.y, grid.z}), " blocks");
  }
  const unsigned threads = size_of(block);
  if (threads == 0 || threads > kMostThreads || block.z > 64) {
    refuse("a block of ", text_of({block.x, block.y, block.z}), " threads");
  }
  if (threads % kLanes != 0) refuse(threads, " threads in a block: no whole number of warps");
  if (work_->dynamic_bytes > cuda::kSharedBytes) {
    refuse(work_->dynamic_bytes, " bytes of shared memory: more than every device has");
  }
}

void Block::begin_block() {
  const unsigned threads = size_of(work_->block);
  shared_.begin_block();
  warps_.assign(threads / kLanes, Warp{.ready = 0xffffffff});
  failure_ = nullptr;
  for (unsigned i = 0; i < threads; ++i) {
    Thread& thread = *threads_[i];
    thread.index = index_of(i, work_->block);
    thread.copies.pending.clear();
    thread.copies.group = 0;
    thread.fiber.start(run_thread, this, i);
  }
}

void Block::run_block() {
  begin_block();
  do {
    for (bool ran = true; ran;) {
      ran = false;
      turns_.resize(warps_.size());
      std::iota(turns_.begin(), turns_.end(), 0);
      arrange(turns_);
      for (const unsigned warp : turns_) ran |= step(warp);
    }
  } while (release_barrier());
}

/// In random order one stretch only, so that warps mix; otherwise as far as the warp can go.
bool Block::step(unsigned warp) {
  if (warps_[warp].ready == 0) return false;
  do {
    run_ready(warp);
    complete_meetings(warp);
  } while (warps_[warp].ready != 0 && order_ != Order::random);
  return true;
}

void Block::run_ready(unsigned warp) {
  current_ = warp * kLanes;
  turn_ = warps_[warp].ready;
  next()->resume();
  if (failure_) std::rethrow_exception(failure_);
}

/// Whose turn it is now, of the current warp; null when all had theirs.
Fiber* Block::next() {
  if (turn_ == 0 || failure_) return nullptr;
  unsigned lane = order_ == Order::descending ? highest(turn_) : lowest(turn_);
  if (order_ == Order::random) {
    // Some lane that is left: the next from a random place on.
    const auto from = static_cast<int>(random_() & 31);
    lane = (lowest(std::rotr(turn_, from)) + static_cast<unsigned>(from)) % kLanes;
  }
  turn_ &= ~bit(lane);
  current_ = current_ / kLanes * kLanes + lane;
  Thread& thread = *threads_[current_];
  threadIdx = thread.index;
  return &thread.fiber;
}

void Block::run_thread(void* self) {
  Block& block = *static_cast<Block*>(self);
  try {
    block.work_->body();
  } catch (...) {
    block.failure_ = std::current_exception();
  }
  Warp& warp = block.warps_[block.current_ / kLanes];
  warp.ready &= ~bit(block.current_ % kLanes);
  warp.returned |= bit(block.current_ % kLanes);
  Fiber& own = block.threads_[block.current_]->fiber;
  own.leave_for_good(block.next());
}

void Block::meet(const Meeting& meeting, uint32_t mask, void* payload, Where where) {
  Thread& thread = *threads_[current_];
  Warp& warp = warps_[current_ / kLanes];
  const uint32_t own = bit(current_ % kLanes);
  if (!(mask & own)) {
    fault(current_, "calls ", meeting.name, " (", emulation::name_of(where), ") with mask ",
          hexadecimal(mask), ", which leaves out its own lane");
  }
  thread.meeting = &meeting;
  thread.mask = mask;
  thread.payload = payload;
  thread.where = where;
  warp.ready &= ~own;
  warp.meeting |= own;
  thread.fiber.leave(next());
}

void Block::wait_at_barrier(Where where) {
  Thread& thread = *threads_[current_];
  Warp& warp = warps_[current_ / kLanes];
  const uint32_t own = bit(current_ % kLanes);
  thread.where = where;
  warp.ready &= ~own;
  warp.at_barrier |= own;
  thread.fiber.leave(next());
}

bool Block::all_there(unsigned number, unsigned lane) const {
  const Thread& one = *threads_[number * kLanes + lane];
  if (one.mask & ~warps_[number].meeting) return false;
  for (uint32_t left = one.mask; left != 0; left &= left - 1) {
    const Thread& other = *threads_[number * kLanes + lowest(left)];
    const bool same =
        other.meeting == one.meeting && other.mask == one.mask && same_place(other.where, one.where);
    if (!same) return false;
  }
  return true;
}

void Block::complete_meetings(unsigned number) {
  Warp& warp = warps_[number];
  for (uint32_t left = warp.meeting; left != 0;) {
    const unsigned lane = lowest(left);
    const Thread& one = *threads_[number * kLanes + lane];
    left &= ~bit(lane);
    if (!all_there(number, lane)) continue;
    void* payloads[kLanes] = {};
    for (uint32_t lanes = one.mask; lanes != 0; lanes &= lanes - 1) {
      payloads[lowest(lanes)] = threads_[number * kLanes + lowest(lanes)]->payload;
    }
    one.meeting->complete(*this, number, one.mask, payloads);
    left &= ~one.mask;
    warp.meeting &= ~one.mask;
    warp.ready |= one.mask;
  }
  // Nobody of this warp can go on, and no other warp can help.
  if (warp.meeting != 0 && warp.ready == 0) refuse_meeting(number);
}

void Block::refuse_meeting(unsigned number) const {
  const unsigned first = number * kLanes, waiting = first + lowest(warps_[number].meeting);
  const Thread& one = *threads_[waiting];
  unsigned missing = waiting;
  for (uint32_t left = one.mask; left != 0 && missing == waiting; left &= left - 1) {
    const unsigned lane = lowest(left);
    const Thread& other = *threads_[first + lane];
    const bool there = warps_[number].meeting & bit(lane) && other.meeting == one.meeting &&
                       other.mask == one.mask && same_place(other.where, one.where);
    if (!there) missing = first + lane;
  }
  fault(waiting, "divergence: ", whereabouts(waiting), " for ", name_of(missing), ", which ",
        whereabouts(missing));
}

/// False when all threads have returned.
bool Block::release_barrier() {
  const auto returned = [](const Warp& warp) { return warp.returned == 0xffffffff; };
  if (std::all_of(warps_.begin(), warps_.end(), returned)) return false;
  const auto waiting = [](const Warp& warp) { return warp.at_barrier == 0xffffffff; };
  if (!std::all_of(warps_.begin(), warps_.end(), waiting)) refuse_barrier();
  for (unsigned i = 1; i < warps_.size() * kLanes; ++i) {
    if (!same_place(threads_[i]->where, threads_[0]->where)) refuse_barrier();
  }
  warps_.assign(warps_.size(), Warp{.ready = 0xffffffff});
  shared_.barrier();
  return true;
}

void Block::refuse_barrier() const {
  const auto threads = static_cast<unsigned>(warps_.size() * kLanes);
  const auto waits = [&](unsigned i) { return (warps_[i / kLanes].at_barrier & bit(i % kLanes)) != 0; };
  unsigned waiting = 0;
  while (!waits(waiting)) ++waiting;
  unsigned other = 0;
  while (other + 1 < threads && waits(other) && same_place(threads_[other]->where, threads_[waiting]->where))
    ++other;
  fault(waiting, "barrier divergence: ", whereabouts(waiting), ", and ", name_of(other), " ",
        whereabouts(other));
}

std::string Block::whereabouts(unsigned number) const {
  const Thread& thread = *threads_[number];
  const Warp& warp = warps_[number / kLanes];
  const uint32_t own = bit(number % kLanes);
  if (warp.returned & own) return "has returned";
  const std::string place = emulation::name_of(thread.where);
  if (warp.at_barrier & own) return sentence("waits at __syncthreads (", place, ")");
  return sentence("waits at ", thread.meeting->name, " (", place, ", mask ", hexadecimal(thread.mask), ")");
}

std::string Block::name_of(unsigned thread) const {
  return sentence("thread ", text_of(threads_[thread]->index));
}

void Block::throw_fault(unsigned thread, const std::string& what) const {
  throw KernelFault(sentence("Kernel ", work_->kernel, ", block ", text_of(blockIdx), ", ", name_of(thread),
                             ": ", what, "."));
}

}  // namespace twofour::emulation

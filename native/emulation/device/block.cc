#include "emulation/device/block.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <tuple>

#include "emulation/device/lanes.h"

namespace twofour::emulation {
namespace {

constexpr unsigned kMostThreads = 1024;
constexpr unsigned kMostBlocksYZ = 65'535;

constinit thread_local Block* running_block = nullptr;

unsigned size_of(const cuda::Grid& grid) { return grid.x * grid.y * grid.z; }

Index index_of(unsigned number, const cuda::Grid& grid) {
  return {number % grid.x, number / grid.x % grid.y, number / grid.x / grid.y};
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
  warps_.assign(threads / kLanes, Warp{.ready = kAllLanes});
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
  warp.ready &= ~bit(block.current_);
  warp.returned |= bit(block.current_);
  Fiber& own = block.threads_[block.current_]->fiber;
  own.leave_for_good(block.next());
}

}  // namespace twofour::emulation

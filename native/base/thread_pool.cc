#include "base/thread_pool.h"

#include <algorithm>

namespace twofour {
namespace {

/// Some 20 to 50 µs on current processors: longer than the gap between two loops of a pass, shorter than what
/// going to sleep and being woken costs.
constexpr int kSpins = 1000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Returns when `value` is no longer `seen`: looks for a while, then sleeps.
template <class T>
void wait_while(const std::atomic<T>& value, T seen) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (value.load() != seen) return;
    pause();
  }
  value.wait(seen);
}

}  // namespace

ThreadPool::ThreadPool(size_t threads) {
  try {
    for (size_t worker = 1; worker < std::max<size_t>(threads, 1); ++worker) {
      workers_.emplace_back([this, worker] { work(worker); });
    }
  } catch (...) {
    // No destructor runs for what was not constructed, and the threads that did start wait for ever.
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  stopping_ = true;
  // By two: still not open.
  state_ += 2;
  state_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::work(size_t worker) {
  for (;;) {
    ++inside_;
    const uint32_t seen = state_.load();
    if (seen % 2 == 1) claim(worker);
    if (--inside_ == 0) inside_.notify_one();
    // After `state_` was read: whoever stops changes it last, so either this sees that or the wait returns.
    if (stopping_) return;
    wait_while(state_, seen);
  }
}

void ThreadPool::claim(size_t worker) {
  for (size_t task = next_.fetch_add(1); task < tasks_; task = next_.fetch_add(1)) {
    try {
      (*body_)(task, worker);
    } catch (...) {
      next_.store(tasks_);
      const std::lock_guard lock(failure_mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }
}

void ThreadPool::open_loop() {
  ++state_;
  state_.notify_all();
}

void ThreadPool::close_loop() {
  ++state_;
  for (uint32_t inside = inside_.load(); inside != 0; inside = inside_.load()) wait_while(inside_, inside);
}

void ThreadPool::run(size_t tasks, const std::function<void(size_t, size_t)>& body) {
  if (workers_.empty() || tasks < 2) {
    for (size_t task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  body_ = &body;
  tasks_ = tasks;
  next_ = 0;
  failure_ = nullptr;
  open_loop();
  claim(0);
  close_loop();
  if (failure_) std::rethrow_exception(failure_);
}

void ThreadPool::run_ranges(size_t count, size_t grain,
                            const std::function<void(size_t, size_t, size_t)>& body) {
  const size_t ranges = std::min(size() * 4, (count + grain - 1) / grain);
  run(ranges, [&](size_t range, size_t worker) {
    body(count * range / ranges, count * (range + 1) / ranges, worker);
  });
}

}  // namespace twofour

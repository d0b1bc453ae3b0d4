#include "base/thread_pool.h"

#include <algorithm>

namespace twofour {

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
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::work(size_t worker) {
  uint64_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return stopping_ || generation_ != seen; });
      if (stopping_) return;
      seen = generation_;
    }
    claim(worker);
    std::lock_guard lock(mutex_);
    if (--busy_ == 0) finished_.notify_one();
  }
}

void ThreadPool::claim(size_t worker) {
  for (size_t task = next_.fetch_add(1); task < tasks_; task = next_.fetch_add(1)) {
    try {
      (*body_)(task, worker);
    } catch (...) {
      next_.store(tasks_);
      std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }
}

void ThreadPool::run(size_t tasks, const std::function<void(size_t, size_t)>& body) {
  if (workers_.empty() || tasks < 2) {
    for (size_t task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    body_ = &body;
    tasks_ = tasks;
    next_.store(0);
    busy_ = workers_.size();
    failure_ = nullptr;
    ++generation_;
  }
  start_.notify_all();
  claim(0);
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [&] { return busy_ == 0; });
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

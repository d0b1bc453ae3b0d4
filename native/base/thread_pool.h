#pragma once
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace twofour {

/// A fixed set of threads that run the tasks of one loop at a time; the calling thread takes part.
/// Tasks are claimed one by one, so a slow core does fewer. One caller at a time.
class ThreadPool {
 public:
  /// `threads` ≥ 1 counts the caller. Throws std::system_error when the system refuses a thread.
  explicit ThreadPool(size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  size_t size() const { return workers_.size() + 1; }

  /// Runs body(task, worker) for every task in [0, tasks); worker < size() names the thread, so that a body
  /// may have scratch memory per worker. Returns when all are done; rethrows the first exception, after which
  /// tasks that were not yet claimed are dropped.
  void run(size_t tasks, const std::function<void(size_t task, size_t worker)>& body);

  /// Splits [0, count) into ranges of at least `grain` and runs body(begin, end, worker) for each.
  void run_ranges(size_t count, size_t grain,
                  const std::function<void(size_t begin, size_t end, size_t worker)>& body);

 private:
  void stop();
  void work(size_t worker);
  void claim(size_t worker);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_, finished_;
  const std::function<void(size_t, size_t)>* body_ = nullptr;
  size_t tasks_ = 0;
  std::atomic<size_t> next_{0};
  size_t busy_ = 0;
  uint64_t generation_ = 0;
  bool stopping_ = false;
  std::exception_ptr failure_;
};

}  // namespace twofour

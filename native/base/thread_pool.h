#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace twofour {

/// A fixed set of threads that run the tasks of one loop at a time; the calling thread takes part.
/// Tasks are claimed one by one, so a slow core does fewer, and a thread that the system does not run at all
/// delays nothing. Between loops threads spin for some microseconds, because a forward pass is many short
/// loops, and then sleep. One caller at a time.
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
  void open_loop();
  void close_loop();

  std::vector<std::thread> workers_;
  /// Counts up when a loop opens and when it closes: odd while one is open.
  std::atomic<uint32_t> state_{0};
  /// Threads that may be looking at the loop's members. A thread counts itself before it looks whether the
  /// loop is open, and the caller closes before it looks who is counted: one of the two sees the other.
  std::atomic<uint32_t> inside_{0};
  std::atomic<bool> stopping_{false};

  // Of the open loop; written only while none is open and nobody is inside.
  const std::function<void(size_t, size_t)>* body_ = nullptr;
  size_t tasks_ = 0;
  std::atomic<size_t> next_{0};
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
};

}  // namespace twofour

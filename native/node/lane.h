#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/control.h"

namespace twofour::node {

/// What a lane computes.
class Task {
 public:
  virtual ~Task() = default;

  /// With whom a task may be computed.
  struct Merging {
    const void* company = nullptr;  ///< Tasks of one company may run together; null: always alone.
    size_t size = 0, room = 0;      ///< Together at most the first's `room` (or one task, however large).
    std::chrono::microseconds patience{0};  ///< How long it waits for company while nothing runs.
  };
  virtual Merging merging() const { return {}; }

  /// On the lane's thread. `together` has this task first, then those of its company that run with it. When
  /// it throws, nothing is known of any of them; those that ran in company are run again, each alone.
  virtual void run(std::span<Task* const> together, Control& control) = 0;
  /// On the lane's thread, after the last run: lets go what the event loop should not have to free.
  virtual void release() {}
};

/// A task on its way through a lane.
struct Job {
  Job(uint32_t number, Task& what, bool reports)
      : ticket(number), task(what), merging(what.merging()), wants_progress(reports) {}
  virtual ~Job() = default;

  const uint32_t ticket;
  Task& task;  ///< Of whoever made the job.
  Task::Merging merging;
  const bool wants_progress;
  const std::chrono::steady_clock::time_point arrival = std::chrono::steady_clock::now();
  std::atomic<bool> progress_waits{false};
  std::atomic<size_t> done{0}, total{0};
  /// Written by the lane's thread before it tells that the job has ended; empty: it went well.
  std::string error_code, error_message;
  bool cancelled = false;  ///< Under the lane's mutex.
};

/// What one device computes for an environment: one batch at a time, on a thread of its own. A batch is one
/// job, or several of one company that waited. Everything that a backend of the device made is used and
/// destroyed there, so that no two threads ever meet in one backend.
///
/// Made and used on the JavaScript thread; only `discard` is for any thread.
class Lane {
 public:
  /// From the lane's thread: these jobs have ended, or the one has progress to report.
  using Tell = std::function<void(std::vector<uint32_t> tickets, bool ended)>;
  /// Starts the thread. Throws Error OUT_OF_MEMORY when the system refuses one.
  explicit Lane(Tell tell);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// The job's last owner must not be the lane.
  void enqueue(std::shared_ptr<Job> job);
  /// True: it waited, and will never run nor be told of. Else its batch stops once nobody wants it.
  bool cancel(const std::shared_ptr<Job>& job);
  /// Has `destroy` called on the lane's thread between two batches; at once where that thread has ended.
  void discard(std::function<void()> destroy);

  /// The running batch sees its cancel flag between layers, what waits is dropped, nobody is told any more.
  void interrupt();
  /// Waits until the thread has ended, after `interrupt`.
  void join();

 private:
  using Jobs = std::vector<std::shared_ptr<Job>>;
  struct Batch {
    Control control;
    Jobs jobs;
    size_t wanted = 0;  ///< Under mutex_: jobs that were not cancelled.
  };

  void work();
  std::shared_ptr<Batch> take();
  bool wait_for_batch(std::unique_lock<std::mutex>& lock);
  void wait_for_company(std::unique_lock<std::mutex>& lock);
  void destroy_discarded(std::unique_lock<std::mutex>& lock);
  Jobs take_jobs();
  void run(Batch& batch);
  void end(Batch& batch);
  void report(Job& job, size_t done, size_t total);

  Tell tell_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::vector<std::function<void()>> discarded_;
  std::shared_ptr<Batch> running_;
  bool stopping_ = false;
  std::thread thread_;  ///< Last: it starts when all else is there.
};

}  // namespace twofour::node

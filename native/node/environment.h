#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/control.h"
#include "base/thread_pool.h"
#include "node/napi.h"

namespace twofour::node {

/// The work behind one promise. Made and destroyed on the JavaScript thread.
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

  /// On the native thread. `together` has this task first, then those of its company that run with it. When
  /// it throws, nothing is known of any of them; those that ran in company are run again, each alone.
  virtual void run(std::span<Task* const> together, Control& control) = 0;
  /// On the native thread, after the last run: lets go what the event loop should not have to free.
  virtual void release() {}
  /// On the JavaScript thread: the promise's value.
  virtual Napi::Value finish(Napi::Env env) = 0;
};

/// One per Node environment (main thread or worker): the queue on which all native work runs, one batch at a
/// time with the whole pool. A batch is one task, or several of one company that waited. Created and used on
/// the JavaScript thread; batches run on one native thread.
///
/// At the environment's end a cleanup hook stops the thread before Node tears its own channel down: the
/// running batch sees its cancel flag between layers, waiting tasks are dropped, and nobody is called
/// afterwards.
class Environment {
 public:
  explicit Environment(Napi::Env env) : env_(env) {}
  ~Environment() { stop(); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// `control` is a Control of binding.d.ts.
  Napi::Promise enqueue(const Napi::Object& control, std::unique_ptr<Task> task);
  /// For a task that always runs alone: `work` on the native thread, then `finish` on the JavaScript thread.
  using Work = std::function<void(Control& control)>;
  using Finish = std::function<Napi::Value(Napi::Env env)>;
  Napi::Promise enqueue(const Napi::Object& control, Work work, Finish finish);

  /// A waiting task is rejected at once, and so is a running one that may have company, which goes on without
  /// it. Any other is rejected when it notices, so that its files are closed by then.
  void cancel(uint32_t ticket);

  /// Pools live as long as somebody uses them; 0 asks for the default size.
  /// Throws Error OUT_OF_MEMORY when the system refuses that many threads.
  std::shared_ptr<ThreadPool> pool(size_t threads);

 private:
  struct Job {
    explicit Job(Napi::Env env) : deferred(env) {}
    uint32_t ticket = 0;
    Napi::Promise::Deferred deferred;
    Napi::FunctionReference progress;
    std::atomic<bool> progress_waits{false};
    std::atomic<size_t> done{0}, total{0};
    std::unique_ptr<Task> task;
    Task::Merging merging;
    std::chrono::steady_clock::time_point arrival;
    bool cancelled = false;  // under mutex_
    bool rejected = false;   // JavaScript thread only
    std::string error_code, error_message;
  };
  using Jobs = std::vector<std::shared_ptr<Job>>;
  struct Batch {
    Control control;
    Jobs jobs;
    size_t wanted = 0;  // under mutex_: jobs that were not cancelled
  };
  struct Message {
    std::vector<uint32_t> tickets;
    bool finished;
  };
  static void deliver(Napi::Env env, Napi::Function, Environment* self, Message* message);
  using Channel = Napi::TypedThreadSafeFunction<Environment, Message, deliver>;

  void start();
  void stop();
  void settle(Napi::Env env, uint32_t ticket);
  void tell(Napi::Env env, uint32_t ticket);

  void work();
  std::shared_ptr<Batch> take();
  void wait_for_company(std::unique_lock<std::mutex>& lock);
  Jobs take_jobs();
  void run(Batch& batch);
  void end(Batch& batch);
  void report(Job& job, size_t done, size_t total);
  void send(std::vector<uint32_t> tickets, bool finished);

  Napi::Env env_;
  Channel channel_;
  std::map<uint32_t, std::shared_ptr<Job>> jobs_;  // JavaScript thread only
  std::map<size_t, std::weak_ptr<ThreadPool>> pools_;

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::shared_ptr<Batch> running_;
  bool stopping_ = false, started_ = false;
  std::thread thread_;
};

/// Makes the JavaScript error that lib/addon.ts turns into a TwofourError.
Napi::Error coded_error(Napi::Env env, const std::string& code, const std::string& message);

}  // namespace twofour::node

#pragma once
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/control.h"
#include "base/thread_pool.h"
#include "node/napi.h"

namespace twofour::node {

/// One per Node environment (main thread or worker): the queue on which all native work runs, one job at a
/// time, each with the whole pool. Created and used on the JavaScript thread; jobs run on one native thread.
///
/// At the environment's end a cleanup hook stops the thread before Node tears its own channel down: the
/// running job sees its cancel flag between layers, waiting ones are dropped, and nobody is called
/// afterwards.
class Environment {
 public:
  explicit Environment(Napi::Env env) : env_(env) {}
  ~Environment() { stop(); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// `work` runs on the native thread; then `finish` makes the promise's value on the JavaScript thread.
  using Work = std::function<void(Control& control)>;
  using Finish = std::function<Napi::Value(Napi::Env env)>;
  /// `control` is a Control of binding.d.ts.
  Napi::Promise enqueue(const Napi::Object& control, Work work, Finish finish);

  /// Waiting jobs are rejected at once, the running one when it notices.
  void cancel(uint32_t ticket);

  /// Pools live as long as somebody uses them; 0 asks for the default size.
  /// Throws Error OUT_OF_MEMORY when the system refuses that many threads.
  std::shared_ptr<ThreadPool> pool(size_t threads);

 private:
  struct Job {
    explicit Job(Napi::Env env) : deferred(env) {}
    uint32_t ticket = 0;
    Control control;
    Napi::Promise::Deferred deferred;
    Napi::FunctionReference progress;
    std::atomic<bool> progress_waits{false};
    std::atomic<size_t> done{0}, total{0};
    Work work;
    Finish finish;
    std::string error_code, error_message;
  };
  struct Message {
    uint32_t ticket;
    bool finished;
  };
  static void deliver(Napi::Env env, Napi::Function, Environment* self, Message* message);
  using Channel = Napi::TypedThreadSafeFunction<Environment, Message, deliver>;

  void start();
  void stop();
  void work();
  void run(Job& job);
  void settle(Napi::Env env, uint32_t ticket);
  void tell(Napi::Env env, uint32_t ticket);
  void report(Job& job, size_t done, size_t total);

  Napi::Env env_;
  Channel channel_;
  std::map<uint32_t, std::shared_ptr<Job>> jobs_;  // JavaScript thread only
  std::map<size_t, std::weak_ptr<ThreadPool>> pools_;

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<Job>> waiting_;
  bool stopping_ = false, started_ = false;
  std::thread thread_;
};

/// Makes the JavaScript error that lib/addon.ts turns into a TwofourError.
Napi::Error coded_error(Napi::Env env, const std::string& code, const std::string& message);

}  // namespace twofour::node

#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "node/lane.h"
#include "node/napi.h"
#include "node/open_devices.h"

namespace twofour::node {

/// The work behind one promise. Made and destroyed on the JavaScript thread.
class PromisedTask : public Task {
 public:
  /// On the JavaScript thread: the promise's value.
  virtual Napi::Value finish(Napi::Env env) = 0;
};

/// One per Node environment (main thread or worker): where all native work of it runs. Each device has a lane
/// of its own, so that a pass on a GPU and one on the CPU overlap. Created and used on the JavaScript thread.
///
/// At the environment's end a cleanup hook stops the lanes before Node tears its own channel down: what runs
/// sees its cancel flag between layers, what waits is dropped, and nobody is called afterwards.
class Environment {
 public:
  explicit Environment(Napi::Env env) : env_(env) {}
  ~Environment() { stop(); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// The lane of that name, started when it is first asked for.
  /// Throws Error OUT_OF_MEMORY when the system refuses a thread.
  std::shared_ptr<Lane> lane(const std::string& name);

  /// `control` is a Control of binding.d.ts.
  Napi::Promise enqueue(const std::shared_ptr<Lane>& lane, const Napi::Object& control,
                        std::unique_ptr<PromisedTask> task);
  /// For a task that always runs alone: `work` on the lane's thread, then `finish` on the JavaScript thread.
  using Work = std::function<void(Control& control)>;
  using Finish = std::function<Napi::Value(Napi::Env env)>;
  Napi::Promise enqueue(const std::shared_ptr<Lane>& lane, const Napi::Object& control, Work work,
                        Finish finish);

  /// A waiting task is rejected at once, and so is a running one that may have company, which goes on without
  /// it. Any other is rejected when it notices, so that its files are closed by then.
  void cancel(uint32_t ticket);

  /// Pools live as long as somebody uses them; 0 asks for the default size. Only the CPU's lane may use them,
  /// because a pool has one caller at a time.
  /// Throws Error OUT_OF_MEMORY when the system refuses that many threads.
  std::shared_ptr<ThreadPool> pool(size_t threads);
  /// For all lanes.
  OpenDevices& devices() { return devices_; }

 private:
  struct Promised;
  struct Message {
    std::vector<uint32_t> tickets;
    bool ended;
  };
  static void deliver(Napi::Env env, Napi::Function, Environment* self, Message* message);
  using Channel = Napi::TypedThreadSafeFunction<Environment, Message, deliver>;

  void start();
  void stop();
  void settle(Napi::Env env, uint32_t ticket);
  void tell(Napi::Env env, uint32_t ticket);
  /// From any thread.
  void send(std::vector<uint32_t> tickets, bool ended);

  Napi::Env env_;
  Channel channel_;
  bool started_ = false;
  OpenDevices devices_;
  std::map<std::string, std::shared_ptr<Lane>> lanes_;
  std::map<uint32_t, std::shared_ptr<Promised>> promises_;
  std::map<size_t, std::weak_ptr<ThreadPool>> pools_;
};

/// Makes the JavaScript error that lib/addon.ts turns into a TwofourError.
Napi::Error coded_error(Napi::Env env, const std::string& code, const std::string& message);

}  // namespace twofour::node

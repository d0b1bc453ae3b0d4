#include "node/environment.h"

#include <system_error>

#include "base/cpu_count.h"
#include "base/error.h"

namespace twofour::node {

namespace {

class AloneTask final : public PromisedTask {
 public:
  AloneTask(Environment::Work work, Environment::Finish finish)
      : work_(std::move(work)), finish_(std::move(finish)) {}
  void run(std::span<Task* const>, Control& control) override { work_(control); }
  void release() override { work_ = nullptr; }
  Napi::Value finish(Napi::Env env) override { return finish_(env); }

 private:
  Environment::Work work_;
  Environment::Finish finish_;
};

}  // namespace

Napi::Error coded_error(Napi::Env env, const std::string& code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

/// Of the JavaScript thread, but for the job.
struct Environment::Promised final : Job {
  Promised(Napi::Env env, uint32_t number, std::unique_ptr<PromisedTask> what, const Napi::Value& on_progress)
      : Job(number, *what, on_progress.IsFunction()), deferred(env), task(std::move(what)) {
    if (wants_progress) progress = Napi::Persistent(on_progress.As<Napi::Function>());
  }
  Napi::Promise::Deferred deferred;
  Napi::FunctionReference progress;
  std::unique_ptr<PromisedTask> task;
  std::shared_ptr<Lane> lane;
  bool rejected = false;
};

void Environment::start() {
  if (started_) return;
  channel_ = Channel::New(env_, "twofour", 0, 1, this);
  channel_.Unref(env_);
  // Hooks run last in, first out: this one before the channel's own, which was registered in the line above.
  napi_add_env_cleanup_hook(env_, [](void* self) { static_cast<Environment*>(self)->stop(); }, this);
  started_ = true;
}

void Environment::stop() {
  if (!started_) return;
  started_ = false;
  // All of them first, so that none goes on while another is waited for.
  for (const auto& [name, lane] : lanes_) lane->interrupt();
  for (const auto& [name, lane] : lanes_) lane->join();
  promises_.clear();
  channel_.Release();
}

std::shared_ptr<Lane> Environment::lane(const std::string& name) {
  start();
  const auto found = lanes_.find(name);
  if (found != lanes_.end()) return found->second;
  const auto tell = [this](std::vector<uint32_t> tickets, bool ended) { send(std::move(tickets), ended); };
  return lanes_.emplace(name, std::make_shared<Lane>(tell)).first->second;
}

Napi::Promise Environment::enqueue(const std::shared_ptr<Lane>& lane, const Napi::Object& control, Work work,
                                   Finish finish) {
  return enqueue(lane, control, std::make_unique<AloneTask>(std::move(work), std::move(finish)));
}

Napi::Promise Environment::enqueue(const std::shared_ptr<Lane>& lane, const Napi::Object& control,
                                   std::unique_ptr<PromisedTask> task) {
  const uint32_t ticket = control.Get("ticket").As<Napi::Number>().Uint32Value();
  const auto promised = std::make_shared<Promised>(env_, ticket, std::move(task), control.Get("onProgress"));
  promised->lane = lane;
  if (promises_.empty()) channel_.Ref(env_);
  promises_.emplace(ticket, promised);
  lane->enqueue(promised);
  return promised->deferred.Promise();
}

void Environment::cancel(uint32_t ticket) {
  const auto found = promises_.find(ticket);
  if (found == promises_.end()) return;
  const std::shared_ptr<Promised> promised = found->second;
  if (promised->lane->cancel(promised)) {
    promised->error_code = "CANCELLED";
    settle(env_, ticket);
  } else if (promised->merging.company != nullptr && !promised->rejected) {
    // The job itself stays until the lane has let it go.
    promised->rejected = true;
    promised->deferred.Reject(coded_error(env_, "CANCELLED", "").Value());
  }
}

std::shared_ptr<ThreadPool> Environment::pool(size_t threads) {
  const size_t size = threads == 0 ? count_cpus().usable() : threads;
  std::shared_ptr<ThreadPool> pool = pools_[size].lock();
  if (pool) return pool;
  try {
    pools_[size] = pool = std::make_shared<ThreadPool>(size);
  } catch (const std::system_error& error) {
    throw Error("OUT_OF_MEMORY", "The system refused " + std::to_string(size) + " threads: " + error.what() +
                                     ". Ask for fewer (threads).");
  }
  return pool;
}

void Environment::send(std::vector<uint32_t> tickets, bool ended) {
  auto* message = new Message{std::move(tickets), ended};
  if (channel_.NonBlockingCall(message) != napi_ok) delete message;
}

void Environment::deliver(Napi::Env env, Napi::Function, Environment* self, Message* message) {
  const std::unique_ptr<Message> owned(message);
  // Without an environment this is Node emptying the channel at its end.
  if (env == nullptr) return;
  try {
    for (const uint32_t ticket : owned->tickets) {
      if (owned->ended)
        self->settle(env, ticket);
      else
        self->tell(env, ticket);
    }
  } catch (const Napi::Error&) {
    // The environment is being terminated, so there is nobody to settle for.
  }
}

void Environment::tell(Napi::Env env, uint32_t ticket) {
  const auto found = promises_.find(ticket);
  if (found == promises_.end()) return;
  const std::shared_ptr<Promised> promised = found->second;
  // First, so that what is reported from here on sends a message of its own.
  promised->progress_waits = false;
  promised->progress.Call({Napi::Number::New(env, static_cast<double>(promised->done)),
                           Napi::Number::New(env, static_cast<double>(promised->total))});
}

void Environment::settle(Napi::Env env, uint32_t ticket) {
  const Napi::HandleScope scope(env);
  const auto found = promises_.find(ticket);
  if (found == promises_.end()) return;
  const std::shared_ptr<Promised> promised = std::move(found->second);
  promises_.erase(found);
  if (promises_.empty()) channel_.Unref(env);
  if (promised->rejected) return;
  if (!promised->error_code.empty()) {
    promised->deferred.Reject(coded_error(env, promised->error_code, promised->error_message).Value());
    return;
  }
  try {
    promised->deferred.Resolve(promised->task->finish(env));
  } catch (const Napi::Error& error) {
    promised->deferred.Reject(error.Value());
  } catch (const std::exception& error) {
    promised->deferred.Reject(coded_error(env, "INTERNAL", error.what()).Value());
  }
}

}  // namespace twofour::node

#include "node/environment.h"

#include <algorithm>
#include <new>
#include <system_error>

#include "base/cpu_count.h"
#include "base/error.h"

namespace twofour::node {

Napi::Error coded_error(Napi::Env env, const std::string& code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

void Environment::start() {
  if (started_) return;
  channel_ = Channel::New(env_, "twofour", 0, 1, this);
  channel_.Unref(env_);
  // Hooks run last in, first out: this one before the channel's own, which was registered in the line above.
  napi_add_env_cleanup_hook(env_, [](void* self) { static_cast<Environment*>(self)->stop(); }, this);
  thread_ = std::thread([this] { work(); });
  started_ = true;
}

void Environment::stop() {
  if (!started_) return;
  started_ = false;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
    for (auto& [ticket, job] : jobs_) job->control.cancelled = true;
  }
  arrived_.notify_all();
  thread_.join();
  jobs_.clear();
  channel_.Release();
}

Napi::Promise Environment::enqueue(const Napi::Object& control, Work work, Finish finish) {
  start();
  auto job = std::make_shared<Job>(env_);
  job->ticket = control.Get("ticket").As<Napi::Number>().Uint32Value();
  const Napi::Value progress = control.Get("onProgress");
  if (progress.IsFunction()) {
    job->progress = Napi::Persistent(progress.As<Napi::Function>());
    job->control.progress = [this, raw = job.get()](size_t done, size_t total) { report(*raw, done, total); };
  }
  job->work = std::move(work);
  job->finish = std::move(finish);
  const Napi::Promise promise = job->deferred.Promise();
  if (jobs_.empty()) channel_.Ref(env_);
  jobs_.emplace(job->ticket, job);
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  arrived_.notify_one();
  return promise;
}

void Environment::cancel(uint32_t ticket) {
  const auto found = jobs_.find(ticket);
  if (found == jobs_.end()) return;
  const std::shared_ptr<Job> job = found->second;
  job->control.cancelled = true;
  bool was_waiting = false;
  {
    std::lock_guard lock(mutex_);
    const auto place = std::find(waiting_.begin(), waiting_.end(), job);
    was_waiting = place != waiting_.end();
    if (was_waiting) waiting_.erase(place);
  }
  if (!was_waiting) return;
  job->error_code = "CANCELLED";
  settle(env_, ticket);
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

void Environment::work() {
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    run(*job);
    // Everything that the work held is let go here, not on the event loop.
    job->work = nullptr;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    auto* message = new Message{job->ticket, true};
    // The last owner must be the JavaScript thread: a job holds references into the engine there.
    job.reset();
    if (channel_.NonBlockingCall(message) != napi_ok) delete message;
  }
}

void Environment::run(Job& job) {
  try {
    job.control.check();
    job.work(job.control);
  } catch (const Cancelled&) {
    job.error_code = "CANCELLED";
  } catch (const Error& error) {
    job.error_code = error.code();
    job.error_message = error.what();
  } catch (const std::bad_alloc&) {
    job.error_code = "OUT_OF_MEMORY";
    job.error_message = "The system refused memory. Use smaller batches (maxTokens) or fewer encoders.";
  } catch (const std::exception& error) {
    job.error_code = "INTERNAL";
    job.error_message = error.what();
  }
}

void Environment::report(Job& job, size_t done, size_t total) {
  job.done = done;
  job.total = total;
  // One message at a time, so that a slow event loop is not buried; it is read as it stands when it arrives.
  if (job.progress_waits.exchange(true)) return;
  auto* message = new Message{job.ticket, false};
  if (channel_.NonBlockingCall(message) != napi_ok) delete message;
}

void Environment::deliver(Napi::Env env, Napi::Function, Environment* self, Message* message) {
  const std::unique_ptr<Message> owned(message);
  // Without an environment this is Node emptying the channel at its end.
  if (env == nullptr) return;
  try {
    if (owned->finished) return self->settle(env, owned->ticket);
    self->tell(env, owned->ticket);
  } catch (const Napi::Error&) {
    // The environment is being terminated, so there is nobody to settle for.
  }
}

void Environment::tell(Napi::Env env, uint32_t ticket) {
  const auto found = jobs_.find(ticket);
  if (found == jobs_.end()) return;
  const std::shared_ptr<Job> job = found->second;
  // First, so that what is reported from here on sends a message of its own.
  job->progress_waits = false;
  job->progress.Call({Napi::Number::New(env, static_cast<double>(job->done)),
                      Napi::Number::New(env, static_cast<double>(job->total))});
}

void Environment::settle(Napi::Env env, uint32_t ticket) {
  const Napi::HandleScope scope(env);
  const auto found = jobs_.find(ticket);
  if (found == jobs_.end()) return;
  const std::shared_ptr<Job> job = std::move(found->second);
  jobs_.erase(found);
  if (jobs_.empty()) channel_.Unref(env);
  if (!job->error_code.empty()) {
    job->deferred.Reject(coded_error(env, job->error_code, job->error_message).Value());
    return;
  }
  try {
    job->deferred.Resolve(job->finish(env));
  } catch (const Napi::Error& error) {
    job->deferred.Reject(error.Value());
  } catch (const std::exception& error) {
    job->deferred.Reject(coded_error(env, "INTERNAL", error.what()).Value());
  }
}

}  // namespace twofour::node

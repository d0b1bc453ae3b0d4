#include "node/environment.h"

#include <algorithm>
#include <new>
#include <system_error>

#include "base/cpu_count.h"
#include "base/error.h"

namespace twofour::node {

namespace {

class AloneTask final : public Task {
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
    if (running_) running_->control.cancelled = true;
  }
  arrived_.notify_all();
  thread_.join();
  running_.reset();
  jobs_.clear();
  channel_.Release();
}

Napi::Promise Environment::enqueue(const Napi::Object& control, Work work, Finish finish) {
  return enqueue(control, std::make_unique<AloneTask>(std::move(work), std::move(finish)));
}

Napi::Promise Environment::enqueue(const Napi::Object& control, std::unique_ptr<Task> task) {
  start();
  auto job = std::make_shared<Job>(env_);
  job->ticket = control.Get("ticket").As<Napi::Number>().Uint32Value();
  const Napi::Value progress = control.Get("onProgress");
  if (progress.IsFunction()) job->progress = Napi::Persistent(progress.As<Napi::Function>());
  job->merging = task->merging();
  job->task = std::move(task);
  job->arrival = std::chrono::steady_clock::now();
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
  bool was_waiting = false;
  {
    std::lock_guard lock(mutex_);
    if (job->cancelled) return;
    job->cancelled = true;
    const auto place = std::find(waiting_.begin(), waiting_.end(), job);
    was_waiting = place != waiting_.end();
    if (was_waiting) {
      waiting_.erase(place);
    } else if (running_ && std::ranges::find(running_->jobs, job) != running_->jobs.end()) {
      if (--running_->wanted == 0) running_->control.cancelled = true;
    }
  }
  if (was_waiting) {
    job->error_code = "CANCELLED";
    settle(env_, ticket);
  } else if (job->merging.company != nullptr) {
    // The job itself stays until the native thread has let it go.
    job->rejected = true;
    job->deferred.Reject(coded_error(env_, "CANCELLED", "").Value());
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

void Environment::work() {
  while (const std::shared_ptr<Batch> batch = take()) {
    run(*batch);
    end(*batch);
  }
}

std::shared_ptr<Environment::Batch> Environment::take() {
  std::unique_lock lock(mutex_);
  do {
    arrived_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    wait_for_company(lock);
  } while (!stopping_ && waiting_.empty());
  if (stopping_) return nullptr;
  running_ = std::make_shared<Batch>();
  running_->jobs = take_jobs();
  running_->wanted = running_->jobs.size();
  Job& first = *running_->jobs.front();
  if (!first.progress.IsEmpty()) {
    running_->control.progress = [this, &first](size_t done, size_t total) { report(first, done, total); };
  }
  return running_;
}

/// Returns with the lock held, perhaps with an empty queue. Never holds up what is not of the same company.
void Environment::wait_for_company(std::unique_lock<std::mutex>& lock) {
  if (stopping_ || waiting_.empty()) return;
  const std::shared_ptr<Job> first = waiting_.front();
  const auto enough = [&] {
    if (stopping_ || waiting_.empty() || waiting_.front() != first) return true;
    size_t size = 0;
    for (const auto& job : waiting_) {
      if (job->merging.company != first->merging.company) return true;
      size += job->merging.size;
    }
    return size >= first->merging.room;
  };
  if (first->merging.patience.count() > 0)
    arrived_.wait_until(lock, first->arrival + first->merging.patience, enough);
}

Environment::Jobs Environment::take_jobs() {
  Jobs jobs{std::move(waiting_.front())};
  waiting_.pop_front();
  const Task::Merging merging = jobs.front()->merging;
  if (merging.company == nullptr) return jobs;
  size_t size = merging.size;
  for (auto place = waiting_.begin(); place != waiting_.end() && size < merging.room;) {
    if ((*place)->merging.company != merging.company) {
      ++place;
      continue;
    }
    size += (*place)->merging.size;
    // No later one overtakes it.
    if (size > merging.room) break;
    jobs.push_back(std::move(*place));
    place = waiting_.erase(place);
  }
  return jobs;
}

void Environment::run(Batch& batch) {
  std::vector<Task*> together;
  for (const auto& job : batch.jobs) together.push_back(job->task.get());
  std::string code, message;
  try {
    batch.control.check();
    together.front()->run(together, batch.control);
    return;
  } catch (const Cancelled&) {
    code = "CANCELLED";
  } catch (const Error& error) {
    code = error.code();
    message = error.what();
  } catch (const std::bad_alloc&) {
    code = "OUT_OF_MEMORY";
    message = "The system refused memory. Use smaller batches (maxTokens) or fewer encoders.";
  } catch (const std::exception& error) {
    code = "INTERNAL";
    message = error.what();
  }
  for (const auto& job : batch.jobs) {
    job->error_code = code;
    job->error_message = message;
  }
}

void Environment::end(Batch& batch) {
  const bool again = batch.jobs.size() > 1 && !batch.jobs.front()->error_code.empty();
  std::vector<uint32_t> tickets;
  {
    std::lock_guard lock(mutex_);
    running_.reset();
    if (stopping_) return;
    for (auto job = batch.jobs.rbegin(); job != batch.jobs.rend(); ++job) {
      if (!again || (*job)->cancelled) continue;
      // One of them failed the batch: alone, each gets what is its own.
      (*job)->error_code.clear();
      (*job)->merging.room = 0;
      waiting_.push_front(std::move(*job));
    }
  }
  for (auto& job : batch.jobs) {
    if (!job) continue;
    job->task->release();
    tickets.push_back(job->ticket);
    // The last owner must be the JavaScript thread: a job holds references into the engine there.
    job.reset();
  }
  if (!tickets.empty()) send(std::move(tickets), true);
}

void Environment::report(Job& job, size_t done, size_t total) {
  job.done = done;
  job.total = total;
  // One message at a time, so that a slow event loop is not buried; it is read as it stands when it arrives.
  if (!job.progress_waits.exchange(true)) send({job.ticket}, false);
}

void Environment::send(std::vector<uint32_t> tickets, bool finished) {
  auto* message = new Message{std::move(tickets), finished};
  if (channel_.NonBlockingCall(message) != napi_ok) delete message;
}

void Environment::deliver(Napi::Env env, Napi::Function, Environment* self, Message* message) {
  const std::unique_ptr<Message> owned(message);
  // Without an environment this is Node emptying the channel at its end.
  if (env == nullptr) return;
  try {
    for (const uint32_t ticket : owned->tickets) {
      if (owned->finished)
        self->settle(env, ticket);
      else
        self->tell(env, ticket);
    }
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
  if (job->rejected) return;
  if (!job->error_code.empty()) {
    job->deferred.Reject(coded_error(env, job->error_code, job->error_message).Value());
    return;
  }
  try {
    job->deferred.Resolve(job->task->finish(env));
  } catch (const Napi::Error& error) {
    job->deferred.Reject(error.Value());
  } catch (const std::exception& error) {
    job->deferred.Reject(coded_error(env, "INTERNAL", error.what()).Value());
  }
}

}  // namespace twofour::node

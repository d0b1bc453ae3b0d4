#include "node/lane.h"

#include <algorithm>
#include <new>
#include <system_error>

#include "base/error.h"

namespace twofour::node {

Lane::Lane(Tell tell) : tell_(std::move(tell)) {
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error& error) {
    throw Error("OUT_OF_MEMORY", std::string("The system refused a thread: ") + error.what() + ".");
  }
}

Lane::~Lane() {
  interrupt();
  join();
}

void Lane::enqueue(std::shared_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  arrived_.notify_one();
}

bool Lane::cancel(const std::shared_ptr<Job>& job) {
  const std::lock_guard lock(mutex_);
  if (job->cancelled) return false;
  job->cancelled = true;
  const auto place = std::find(waiting_.begin(), waiting_.end(), job);
  if (place != waiting_.end()) {
    waiting_.erase(place);
    return true;
  }
  if (running_ && std::ranges::find(running_->jobs, job) != running_->jobs.end()) {
    if (--running_->wanted == 0) running_->control.cancelled = true;
  }
  return false;
}

void Lane::discard(std::function<void()> destroy) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      discarded_.push_back(std::move(destroy));
      arrived_.notify_one();
      return;
    }
  }
  destroy();
}

void Lane::interrupt() {
  // Jobs go without the lock: with them may go what is discarded here.
  decltype(waiting_) dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
    if (running_) running_->control.cancelled = true;
  }
  arrived_.notify_all();
}

void Lane::join() {
  if (thread_.joinable()) thread_.join();
}

void Lane::work() {
  while (const std::shared_ptr<Batch> batch = take()) {
    run(*batch);
    end(*batch);
  }
  std::unique_lock lock(mutex_);
  destroy_discarded(lock);
}

std::shared_ptr<Lane::Batch> Lane::take() {
  std::unique_lock lock(mutex_);
  if (!wait_for_batch(lock)) return nullptr;
  running_ = std::make_shared<Batch>();
  running_->jobs = take_jobs();
  running_->wanted = running_->jobs.size();
  Job& first = *running_->jobs.front();
  if (first.wants_progress) {
    running_->control.progress = [this, &first](size_t done, size_t total) { report(first, done, total); };
  }
  return running_;
}

/// False: the lane stops. What was discarded goes first, because what waits may need its memory.
bool Lane::wait_for_batch(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    arrived_.wait(lock, [&] { return stopping_ || !waiting_.empty() || !discarded_.empty(); });
    if (stopping_) return false;
    destroy_discarded(lock);
    wait_for_company(lock);
    if (!stopping_ && discarded_.empty() && !waiting_.empty()) return true;
  }
}

void Lane::destroy_discarded(std::unique_lock<std::mutex>& lock) {
  while (!discarded_.empty()) {
    const std::vector<std::function<void()>> all = std::exchange(discarded_, {});
    lock.unlock();
    for (const std::function<void()>& destroy : all) destroy();
    lock.lock();
  }
}

/// Returns with the lock held, perhaps with an empty queue. Never holds up what is not of the same company.
void Lane::wait_for_company(std::unique_lock<std::mutex>& lock) {
  if (stopping_ || waiting_.empty()) return;
  // Not owned: a job that is cancelled meanwhile must not end here, with the lock held.
  const uint32_t first = waiting_.front()->ticket;
  const Task::Merging merging = waiting_.front()->merging;
  const auto until = waiting_.front()->arrival + merging.patience;
  const auto enough = [&] {
    if (stopping_ || !discarded_.empty() || waiting_.empty() || waiting_.front()->ticket != first)
      return true;
    size_t size = 0;
    for (const auto& job : waiting_) {
      if (job->merging.company != merging.company) return true;
      size += job->merging.size;
    }
    return size >= merging.room;
  };
  if (merging.patience.count() > 0) arrived_.wait_until(lock, until, enough);
}

Lane::Jobs Lane::take_jobs() {
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

void Lane::run(Batch& batch) {
  std::vector<Task*> together;
  for (const auto& job : batch.jobs) together.push_back(&job->task);
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

void Lane::end(Batch& batch) {
  const bool again = batch.jobs.size() > 1 && !batch.jobs.front()->error_code.empty();
  std::vector<uint32_t> tickets;
  {
    const std::lock_guard lock(mutex_);
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
    job->task.release();
    tickets.push_back(job->ticket);
    // The last owner must be the JavaScript thread: a job holds references into the engine there.
    job.reset();
  }
  if (!tickets.empty()) tell_(std::move(tickets), true);
}

void Lane::report(Job& job, size_t done, size_t total) {
  job.done = done;
  job.total = total;
  // One message at a time, so that a slow event loop is not buried; it is read as it stands when it arrives.
  if (!job.progress_waits.exchange(true)) tell_({job.ticket}, false);
}

}  // namespace twofour::node

// The order of work. Nothing runs when it is queued, only when someone must see its result, so that a missing
// synchronisation or wait shows as poison or stale values.
#include <algorithm>
#include <cstring>

#include "emulation/runtime/state.h"

namespace twofour::emulation {
namespace {

bool overlaps(const EmulatedUse& use, const void* at, size_t bytes) {
  const auto first = reinterpret_cast<uintptr_t>(use.at);
  const auto other = reinterpret_cast<uintptr_t>(at);
  return first < other + bytes && other < first + use.bytes;
}

bool touches(const Operation& operation, const void* at, size_t bytes, bool unknown) {
  if (operation.touches_unknown) return unknown;
  return std::any_of(operation.uses.begin(), operation.uses.end(),
                     [&](const EmulatedUse& use) { return overlaps(use, at, bytes); });
}

template <class Visit>
void for_each_stream(const Visit& visit) {
  for (auto& [device, stream] : state().default_streams) visit(stream);
  for (auto& [handle, stream] : state().streams.all()) visit(*stream);
}

void kill(Stream& stream, const Operation& operation, const std::string& why) {
  breach("The device is lost: `" + operation.name + "` failed when it ran: " + why);
  state().dead[stream.device] = cudaErrorLaunchFailure;
}

void run(Stream& stream, const Operation& operation) {
  if (state().dead.contains(stream.device)) return;
  // A kernel's memory is checked by the sanitizer; of other work it is known, and may have been freed since.
  for (const EmulatedUse& use : operation.uses) {
    const auto* found = find_memory(use.at);
    if (found == nullptr || !is_inside(use.at, use.bytes, found->second.place, use.what)) {
      return kill(stream, operation, std::string("`") + use.what + "` was freed while the work was queued.");
    }
  }
  stream.nanoseconds += operation.work.nanoseconds;
  if (operation.work.run == nullptr) return;
  if (operation.is_kernel && emulation_fault("kernel") != 0) {
    return kill(stream, operation, "the fault was asked for.");
  }
  char message[1024] = "";
  if (operation.work.run(operation.work.context, message, sizeof(message)) != 0)
    kill(stream, operation, message);
}

/// Host memory that a copy will fill holds nothing that may be read until the copy ran, unless other queued
/// work still takes its source from there.
void poison_targets(const Operation& operation) {
  for (const EmulatedUse& use : operation.uses) {
    if (!use.write) continue;
    const auto* found = find_memory(use.at);
    if (found == nullptr || found->second.place != Place::pinned) continue;
    if (queued_use(use.at, use.bytes, false) == nullptr)
      std::memset(const_cast<void*>(use.at), 0xFF, use.bytes);
  }
}

}  // namespace

Operation::~Operation() {
  if (work.release != nullptr) work.release(work.context);
}

const Operation* queued_use(const void* at, size_t bytes, bool unknown) {
  const Operation* found = nullptr;
  const auto* memory = find_memory(at);
  for_each_stream([&](Stream& stream) {
    for (const auto& each : stream.queue) {
      const bool own = memory == nullptr || memory->second.thread == each->thread;
      if (found == nullptr && touches(*each, at, bytes, unknown && own)) found = each.get();
    }
  });
  return found;
}

cudaError_t push(cudaStream_t handle, Stream& stream, std::shared_ptr<Operation> operation) {
  stream.after_kernel = operation->is_kernel;
  if (stream.capture != nullptr) {
    if (stream.capture->broken) return cudaErrorStreamCaptureInvalidated;
    stream.capture->operations.push_back(std::move(operation));
    return cudaSuccess;
  }
  if (refuse_late_work("`" + operation->name + "`")) return cudaErrorNotPermitted;
  // The default stream and the blocking ones wait for one another.
  if (handle == nullptr)
    drain_device(stream.device, true);
  else if (stream.blocking)
    drain(state().default_streams[stream.device]);
  poison_targets(*operation);
  stream.queue.push_back(std::move(operation));
  while (stream.queue.size() > static_cast<size_t>(setting("queue"))) step(stream);
  return cudaSuccess;
}

void step(Stream& stream) {
  const auto operation = stream.queue.front();
  if (operation->waits_for != nullptr) {
    drain_until(operation->waits_for);
    stream.nanoseconds = std::max(stream.nanoseconds, operation->waits_for->nanoseconds);
  }
  run(stream, *operation);
  if (operation->records != nullptr) {
    operation->records->done = true;
    operation->records->nanoseconds = stream.nanoseconds;
  }
  stream.queue.pop_front();
}

cudaError_t drain(Stream& stream) {
  while (!stream.queue.empty()) step(stream);
  const auto dead = state().dead.find(stream.device);
  return dead == state().dead.end() ? cudaSuccess : dead->second;
}

cudaError_t drain_until(const std::shared_ptr<Mark>& mark) {
  Stream* stream = mark->stream == nullptr ? nullptr : state().streams.find(mark->stream);
  if (mark->stream == nullptr) {
    for (auto& [device, each] : state().default_streams) {
      while (!mark->done && !each.queue.empty()) step(each);
    }
  }
  while (stream != nullptr && !mark->done && !stream->queue.empty()) step(*stream);
  return cudaSuccess;
}

cudaError_t drain_device(int device, bool blocking_only) {
  for_each_stream([&](Stream& stream) {
    if (stream.device == device && (stream.blocking || !blocking_only)) drain(stream);
  });
  const auto dead = state().dead.find(device);
  return dead == state().dead.end() ? cudaSuccess : dead->second;
}

}  // namespace twofour::emulation

using namespace twofour::emulation;

extern "C" {

int emulation_enqueue(CUstream_st* handle, const EmulatedWork* work) {
  const std::lock_guard lock(state().mutex);
  auto operation = std::make_shared<Operation>();
  operation->name = work->name;
  operation->work = *work;
  operation->is_kernel = operation->touches_unknown = work->use_count < 0;
  if (work->use_count > 0) operation->uses.assign(work->uses, work->uses + work->use_count);
  operation->work.uses = nullptr;
  if (const cudaError_t error = enter(operation->is_kernel ? "cudaLaunchKernel" : nullptr))
    return give(error);
  Stream* stream = find_stream(handle, work->name);
  if (stream == nullptr) return give(cudaErrorInvalidResourceHandle);
  for (const EmulatedUse& use : operation->uses) {
    if (!is_inside(use.at, use.bytes, Place::device, use.what)) return give(cudaErrorInvalidValue);
    if (find_memory(use.at)->second.device != stream->device) {
      return refuse(cudaErrorInvalidValue,
                    std::string("`") + use.what + "` is memory of another device than the stream's.");
    }
  }
  return give(push(handle, *stream, std::move(operation)));
}

int emulation_follows_kernel(CUstream_st* handle) {
  const std::lock_guard lock(state().mutex);
  const Stream* stream = state().streams.find(handle);
  return stream != nullptr && stream->after_kernel ? 1 : 0;
}

int emulation_is_capturing(CUstream_st* handle) {
  const std::lock_guard lock(state().mutex);
  const Stream* stream = state().streams.find(handle);
  return stream != nullptr && stream->capture != nullptr ? 1 : 0;
}

void emulation_invalidate_capture(CUstream_st* handle) {
  const std::lock_guard lock(state().mutex);
  const Stream* stream = state().streams.find(handle);
  if (stream != nullptr && stream->capture != nullptr) stream->capture->broken = true;
}

int emulation_is_device(const void* at, size_t bytes) {
  const std::lock_guard lock(state().mutex);
  const auto* found = find_memory(at);
  if (found == nullptr || found->second.place != Place::device) return 0;
  return reinterpret_cast<uintptr_t>(at) + bytes <= found->first + found->second.bytes ? 1 : 0;
}

int emulation_is_settled(const void* at, size_t bytes) {
  const std::lock_guard lock(state().mutex);
  return queued_use(at, bytes, true) == nullptr ? 1 : 0;
}
}

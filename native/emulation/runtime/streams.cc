// Streams and events.
#include <cstdint>

#include "emulation/runtime/state.h"

namespace twofour::emulation {
namespace {

thread_local std::string outstanding;

cudaError_t refuse_handle(const char* function, const char* kind) {
  return refuse(cudaErrorInvalidResourceHandle,
                std::string(function) + ": that " + kind + " was never created, or was destroyed.");
}

cudaError_t refuse_captured(Stream& stream, const char* function) {
  stream.capture->broken = true;
  return refuse(cudaErrorStreamCaptureUnsupported,
                std::string(function) + " is illegal on a stream that records a graph.");
}

void name(std::string& sentence, size_t count, const char* kind) {
  if (count == 0) return;
  if (!sentence.empty()) sentence += ", ";
  sentence += std::to_string(count) + " " + kind + (count == 1 ? "" : "s");
}

}  // namespace

Stream* find_stream(cudaStream_t handle, const char* function) {
  if (handle == nullptr) {
    Stream& stream = state().default_streams[current_device()];
    stream.device = current_device();
    stream.blocking = true;
    return &stream;
  }
  Stream* stream = state().streams.find(handle);
  if (stream == nullptr) refuse_handle(function, "stream");
  return stream;
}

}  // namespace twofour::emulation

using namespace twofour::emulation;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* handle, unsigned flags) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter_creation("cudaStreamCreateWithFlags")) return give(error);
  *handle = state().streams.create();
  Stream* stream = state().streams.find(*handle);
  stream->device = current_device();
  stream->blocking = flags != cudaStreamNonBlocking;
  return give(cudaSuccess);
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  const std::lock_guard lock(state().mutex);
  const cudaError_t entered = enter_creation("cudaStreamDestroy");
  if (entered != cudaSuccess && entered != cudaErrorLaunchFailure) return give(entered);
  Stream* stream = state().streams.find(handle);
  if (stream == nullptr) return refuse_handle("cudaStreamDestroy", "stream");
  if (stream->capture != nullptr) return refuse_captured(*stream, "cudaStreamDestroy");
  drain(*stream);
  state().streams.erase(handle);
  return give(entered);
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaStreamSynchronize")) return give(error);
  Stream* stream = find_stream(handle, "cudaStreamSynchronize");
  if (stream == nullptr) return give(cudaErrorInvalidResourceHandle);
  if (stream->capture != nullptr) return refuse_captured(*stream, "cudaStreamSynchronize");
  if (refuse_synchronisation("cudaStreamSynchronize")) return give(cudaErrorNotPermitted);
  if (handle == nullptr) return give(drain_device(stream->device, true));
  return give(drain(*stream));
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaStreamQuery")) return give(error);
  Stream* stream = find_stream(handle, "cudaStreamQuery");
  if (stream == nullptr) return give(cudaErrorInvalidResourceHandle);
  if (stream->capture != nullptr) return refuse_captured(*stream, "cudaStreamQuery");
  if (stream->queue.empty()) return give(drain(*stream));
  // Who asks again and again must see an end.
  step(*stream);
  return give(cudaErrorNotReady);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event_handle, unsigned) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaStreamWaitEvent")) return give(error);
  Stream* stream = find_stream(handle, "cudaStreamWaitEvent");
  if (stream == nullptr) return give(cudaErrorInvalidResourceHandle);
  const Event* event = state().events.find(event_handle);
  if (event == nullptr) return refuse_handle("cudaStreamWaitEvent", "event");
  if (stream->capture != nullptr && !event->captured) {
    stream->capture->broken = true;
    return refuse(cudaErrorStreamCaptureIsolation,
                  "A stream that records a graph waits for an event from outside of the graph.");
  }
  if (stream->capture == nullptr && event->captured) {
    return refuse(cudaErrorStreamCaptureUnsupported,
                  "A stream waits for an event of a graph that is recorded elsewhere; the stand-in records "
                  "one stream.");
  }
  if (stream->capture != nullptr || event->mark == nullptr) return give(cudaSuccess);
  auto operation = std::make_shared<Operation>();
  operation->name = "cudaStreamWaitEvent";
  operation->waits_for = event->mark;
  return give(push(handle, *stream, std::move(operation)));
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* handle, unsigned flags) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter_creation("cudaEventCreateWithFlags")) return give(error);
  *handle = state().events.create();
  state().events.find(*handle)->timed = (flags & cudaEventDisableTiming) == 0;
  return give(cudaSuccess);
}

cudaError_t cudaEventDestroy(cudaEvent_t handle) {
  const std::lock_guard lock(state().mutex);
  const cudaError_t entered = enter_creation("cudaEventDestroy");
  if (entered != cudaSuccess && entered != cudaErrorLaunchFailure) return give(entered);
  if (!state().events.erase(handle)) return refuse_handle("cudaEventDestroy", "event");
  return give(entered);
}

cudaError_t cudaEventRecord(cudaEvent_t event_handle, cudaStream_t handle) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaEventRecord")) return give(error);
  Stream* stream = find_stream(handle, "cudaEventRecord");
  if (stream == nullptr) return give(cudaErrorInvalidResourceHandle);
  Event* event = state().events.find(event_handle);
  if (event == nullptr) return refuse_handle("cudaEventRecord", "event");
  event->captured = stream->capture != nullptr;
  auto operation = std::make_shared<Operation>();
  operation->name = "cudaEventRecord";
  if (!event->captured) operation->records = event->mark = std::make_shared<Mark>(Mark{handle});
  return give(push(handle, *stream, std::move(operation)));
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaEventQuery")) return give(error);
  const Event* event = state().events.find(handle);
  if (event == nullptr) return refuse_handle("cudaEventQuery", "event");
  if (event->captured)
    return refuse(cudaErrorCapturedEvent, "cudaEventQuery of an event that was recorded into a graph.");
  if (event->mark == nullptr || event->mark->done) return give(enter(nullptr));
  Stream* stream = find_stream(event->mark->stream, "cudaEventQuery");
  if (stream == nullptr) return give(cudaErrorInvalidResourceHandle);
  if (!stream->queue.empty()) step(*stream);
  return give(cudaErrorNotReady);
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaEventSynchronize")) return give(error);
  const Event* event = state().events.find(handle);
  if (event == nullptr) return refuse_handle("cudaEventSynchronize", "event");
  if (event->captured)
    return refuse(cudaErrorCapturedEvent, "cudaEventSynchronize of an event that was recorded into a graph.");
  if (refuse_synchronisation("cudaEventSynchronize")) return give(cudaErrorNotPermitted);
  if (event->mark != nullptr) drain_until(event->mark);
  return give(enter(nullptr));
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaEventElapsedTime")) return give(error);
  const Event* first = state().events.find(from);
  const Event* second = state().events.find(to);
  if (first == nullptr || second == nullptr) return refuse_handle("cudaEventElapsedTime", "event");
  if (!first->timed || !second->timed || first->mark == nullptr || second->mark == nullptr) {
    return refuse(cudaErrorInvalidResourceHandle,
                  "cudaEventElapsedTime needs two events that take the time and were recorded.");
  }
  if (!first->mark->done || !second->mark->done) return give(cudaErrorNotReady);
  *milliseconds = static_cast<float>((second->mark->nanoseconds - first->mark->nanoseconds) / 1e6);
  return give(cudaSuccess);
}

void emulation_count(const char* kind, int change) {
  const std::lock_guard lock(state().mutex);
  state().held[kind] += change;
}

const char* emulation_outstanding() {
  const std::lock_guard lock(state().mutex);
  size_t counts[2] = {0, 0};
  size_t bytes = 0;
  for (const auto& [at, each] : state().memory) {
    ++counts[each.place == Place::device ? 0 : 1];
    bytes += each.bytes;
  }
  outstanding.clear();
  name(outstanding, counts[0], "device allocation");
  name(outstanding, counts[1], "pinned allocation");
  name(outstanding, state().streams.size(), "stream");
  name(outstanding, state().events.size(), "event");
  name(outstanding, state().graphs.size(), "graph");
  name(outstanding, state().executables.size(), "executable graph");
  for (const auto& [kind, count] : state().held) name(outstanding, static_cast<size_t>(count), kind.c_str());
  if (bytes != 0) outstanding += " (" + std::to_string(bytes) + " bytes)";
  return outstanding.c_str();
}
}

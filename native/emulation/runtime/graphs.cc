// Capture of one stream into a graph, and its replay.
#include "emulation/runtime/state.h"

namespace twofour::emulation {
namespace {

cudaError_t refuse_handle(const char* function, const char* kind) {
  return refuse(cudaErrorInvalidResourceHandle,
                std::string(function) + ": that " + kind + " was never created, or was destroyed.");
}

template <class Table, class Handle>
cudaError_t destroy(Table& table, Handle handle, const char* function, const char* kind) {
  const std::lock_guard lock(state().mutex);
  const cudaError_t entered = enter_creation(function);
  if (entered != cudaSuccess && entered != cudaErrorLaunchFailure) return give(entered);
  if (!table.erase(handle)) return refuse_handle(function, kind);
  return give(entered);
}

}  // namespace
}  // namespace twofour::emulation

using namespace twofour::emulation;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaStreamBeginCapture")) return give(error);
  if (refuse_creation("cudaStreamBeginCapture")) return give(cudaErrorNotPermitted);
  if (handle == nullptr)
    return refuse(cudaErrorStreamCaptureUnsupported, "The default stream cannot record a graph.");
  Stream* stream = find_stream(handle, "cudaStreamBeginCapture");
  if (stream == nullptr) return give(cudaErrorInvalidResourceHandle);
  if (stream->capture != nullptr) return refuse(cudaErrorIllegalState, "The stream records a graph already.");
  stream->capture = std::make_unique<Capture>(Capture{mode, std::this_thread::get_id(), {}, false});
  return give(cudaSuccess);
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  const std::lock_guard lock(state().mutex);
  *graph = nullptr;
  if (const cudaError_t error = enter("cudaStreamEndCapture")) return give(error);
  Stream* stream = find_stream(handle, "cudaStreamEndCapture");
  if (stream == nullptr) return give(cudaErrorInvalidResourceHandle);
  if (stream->capture == nullptr)
    return refuse(cudaErrorIllegalState, "cudaStreamEndCapture of a stream that records nothing.");
  if (stream->capture->mode != cudaStreamCaptureModeRelaxed &&
      stream->capture->thread != std::this_thread::get_id()) {
    return refuse(cudaErrorStreamCaptureWrongThread, "cudaStreamEndCapture by another thread than began it.");
  }
  const auto capture = std::move(stream->capture);
  if (capture->broken) return give(cudaErrorStreamCaptureInvalidated);
  *graph = state().graphs.create(Graph{stream->device, capture->operations});
  return give(cudaSuccess);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaStreamIsCapturing")) return give(error);
  const Stream* stream = find_stream(handle, "cudaStreamIsCapturing");
  if (stream == nullptr) return give(cudaErrorInvalidResourceHandle);
  *status = stream->capture == nullptr ? cudaStreamCaptureStatusNone
            : stream->capture->broken  ? cudaStreamCaptureStatusInvalidated
                                       : cudaStreamCaptureStatusActive;
  return give(cudaSuccess);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t handle, unsigned long long) {
  const std::lock_guard lock(state().mutex);
  *executable = nullptr;
  if (const cudaError_t error = enter_creation("cudaGraphInstantiate")) return give(error);
  const Graph* graph = state().graphs.find(handle);
  if (graph == nullptr) return refuse_handle("cudaGraphInstantiate", "graph");
  *executable = state().executables.create(*graph);
  return give(cudaSuccess);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaGraphLaunch")) return give(error);
  const Graph* graph = state().executables.find(executable);
  if (graph == nullptr) return refuse_handle("cudaGraphLaunch", "executable graph");
  Stream* stream = find_stream(handle, "cudaGraphLaunch");
  if (stream == nullptr) return give(cudaErrorInvalidResourceHandle);
  if (stream->device != graph->device)
    return refuse(cudaErrorInvalidValue, "A graph is launched on another device than it was recorded on.");
  for (const auto& operation : graph->operations) {
    if (const cudaError_t error = push(handle, *stream, operation)) return give(error);
  }
  return give(cudaSuccess);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t handle) {
  return destroy(state().executables, handle, "cudaGraphExecDestroy", "executable graph");
}

cudaError_t cudaGraphDestroy(cudaGraph_t handle) {
  return destroy(state().graphs, handle, "cudaGraphDestroy", "graph");
}
}

#include <stdexcept>

#include "emulation/runtime/enqueue.h"
#include "emulation/tests/stand_in/check.h"

namespace twofour::emulation::checks {
namespace {

void check_replay() {
  Stream stream;
  Device device(64);
  Pinned from(1), to(1);
  int runs = 0;
  cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal);
  cudaMemcpyAsync(device.as(), from.data(), 4, cudaMemcpyHostToDevice, stream.handle);
  enqueue_kernel(stream.handle, [&, data = device.as<uint32_t>()] { *data += 1, ++runs; });
  cudaMemcpyAsync(to.data(), device.as(), 4, cudaMemcpyDeviceToHost, stream.handle);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamEndCapture(stream.handle, &graph) == cudaSuccess, "a graph is recorded");
  check(cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess, "a graph is made executable");
  cudaGraphDestroy(graph);
  cudaStreamSynchronize(stream.handle);
  check(runs == 0, "recording runs nothing");
  for (uint32_t i = 0; i < 3; ++i) {
    from.data()[0] = 10 * i;
    check(cudaGraphLaunch(executable, stream.handle) == cudaSuccess, "a graph is launched");
    cudaStreamSynchronize(stream.handle);
    check(to.data()[0] == 10 * i + 1, "a graph takes what its memory holds at each launch");
  }
  check(runs == 3, "each launch runs it");
  cudaGraphExecDestroy(executable);
  check_clean("graphs");
  check(cudaGraphLaunch(executable, stream.handle) == cudaErrorInvalidResourceHandle,
        "a graph is not launched after destroy");
  check_breach("executable graph was never created, or was destroyed", "launch after destroy");
}

/// What may not happen while a graph is recorded: it fails, and so does the graph.
template <class Act>
void check_illegal(const Act& act, const char* part, const char* what) {
  Stream stream;
  cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeGlobal);
  check(act(stream.handle) != cudaSuccess, std::string(what) + " fails while a graph is recorded");
  check_breach(part, what);
  cudaStreamCaptureStatus status{};
  cudaStreamIsCapturing(stream.handle, &status);
  check(status == cudaStreamCaptureStatusInvalidated, std::string(what) + " invalidates the graph");
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream.handle, &graph) == cudaErrorStreamCaptureInvalidated && graph == nullptr,
        std::string(what) + " leaves no graph");
  cudaStreamIsCapturing(stream.handle, &status);
  check(status == cudaStreamCaptureStatusNone, "the stream is free again");
}

void check_illegal_acts() {
  Device device(16);
  Stream other;
  cudaEvent_t event = nullptr;
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  cudaEventRecord(event, other.handle);
  uint32_t pageable[4] = {};
  void* memory = nullptr;
  check_illegal([&](cudaStream_t) { return cudaMalloc(&memory, 16); }, "cudaMalloc is illegal", "allocation");
  check_illegal([&](cudaStream_t stream) { return cudaStreamSynchronize(stream); },
                "cudaStreamSynchronize is illegal", "synchronisation");
  check_illegal([&](cudaStream_t) { return cudaDeviceSynchronize(); }, "cudaDeviceSynchronize is illegal",
                "device synchronisation");
  check_illegal(
      [&](cudaStream_t stream) {
        return cudaMemcpyAsync(device.as(), pageable, 16, cudaMemcpyHostToDevice, stream);
      },
      "to be pinned host memory", "a copy of pageable memory");
  check_illegal([&](cudaStream_t stream) { return cudaStreamWaitEvent(stream, event, 0); },
                "from outside of the graph", "a wait for other work");
  cudaStreamSynchronize(other.handle);
  cudaEventDestroy(event);
}

}  // namespace

void check_graphs() {
  check_replay();
  check_illegal_acts();
}

}  // namespace twofour::emulation::checks

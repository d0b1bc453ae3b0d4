#include "cuda/pass_graphs.h"

#include <cuda_runtime_api.h>

#include "cuda/buckets.h"
#include "cuda/status.h"

namespace twofour::cuda {
namespace {

/// Each holds a result and a batch.
constexpr size_t kMostPasses = 64;

struct DestroyRecording {
  void operator()(CUgraph_st* graph) const noexcept { cudaGraphDestroy(graph); }
};
using Recording = std::unique_ptr<CUgraph_st, DestroyRecording>;

}  // namespace

void PassGraphs::DestroyGraph::operator()(CUgraphExec_st* graph) const noexcept {
  cudaGraphExecDestroy(graph);
}

std::unique_ptr<Activations> PassGraphs::repeat(const CudaBatch& batch, const Body& body) {
  const DeviceBatch& sizes = batch.device();
  if (sizes.token_capacity > kMostRecorded) return body();
  const Key key{sizes.token_capacity, sizes.sequence_capacity, sizes.tile_capacity, sizes.types != nullptr};
  if (!passes_.contains(key) && passes_.size() >= kMostPasses) return body();
  Pass& pass = passes_[key];
  // Memory that a graph uses may have been freed, or other forms may run by now.
  if (pass.state != context_.state()) {
    pass = {};
    pass.state = context_.state();
  }
  if (pass.graph) return replay(pass, batch);
  // The first pass makes plans and takes memory, which a recording cannot.
  if (pass.refused || pass.runs == 0) {
    std::unique_ptr<Activations> result = body();
    ++pass.runs;
    return result;
  }
  record(pass, batch, body);
  return pass.graph ? replay(pass, batch) : body();
}

Extent PassGraphs::extent(size_t tokens) const {
  if (recorded_ && recorded_->first == tokens) return recorded_->second;
  return {context_.count(tokens), capacity_of(tokens)};
}

void PassGraphs::record(Pass& pass, const CudaBatch& batch, const Body& body) {
  pass.batch = context_.memory().take(batch.bytes(), Arena::Kind::apart);
  batch.redirect(pass.batch.data());
  recorded_ = {batch.tokens(), batch.device().tokens()};
  cudaGraph_t made = nullptr;
  const Stream stream = context_.stream();
  bool failed = false;
  cudaError_t status = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  if (status == cudaSuccess) {
    context_.memory().close(true);
    try {
      pass.result = body();
    } catch (...) {
      failed = true;
    }
    context_.memory().close(false);
    status = cudaStreamEndCapture(stream, &made);
  }
  const Recording recording(made);
  recorded_.reset();
  batch.restore();
  cudaGraphExec_t graph = nullptr;
  if (!failed && status == cudaSuccess) status = cudaGraphInstantiate(&graph, made, 0);
  pass.graph.reset(graph);
  if (pass.graph && pass.state == context_.state()) return;

  // Whatever went wrong, nothing of it ran: the body runs as it always did, and says what is really wrong.
  // Once may have been a cancelled run.
  const int failures = pass.failures + 1;
  pass = {};
  pass.state = context_.state();
  pass.failures = failures;
  pass.refused = failures > 1;
  check_lost("recording a pass");
  cudaGetLastError();
}

std::unique_ptr<Activations> PassGraphs::replay(Pass& pass, const CudaBatch& batch) {
  check(cudaMemcpyAsync(pass.batch.data(), batch.data(), batch.bytes(), cudaMemcpyDeviceToDevice,
                        context_.stream()),
        "repeating a pass");
  check(cudaGraphLaunch(pass.graph.get(), context_.stream()), "repeating a pass");
  return static_cast<CudaActivations&>(*pass.result).view(batch.tokens());
}

}  // namespace twofour::cuda

#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <tuple>

#include "cuda/cuda_activations.h"
#include "cuda/cuda_batch.h"

struct CUgraphExec_st;

namespace twofour::cuda {

/// Short passes are hundreds of launches that take the host longer than the device. Here the second pass of a
/// bucket is recorded as a CUDA graph, and later ones are launched at once: everything that a kernel reads
/// lies at the same place then, and how many rows there are is read on the device. Where something cannot be
/// recorded (no statement says that cuSPARSELt can), the bucket goes on as before.
class PassGraphs {
 public:
  /// `context` is borrowed.
  explicit PassGraphs(Context& context) : context_(context) {}

  using Body = std::function<std::unique_ptr<Activations>()>;
  /// See Backend::repeat.
  std::unique_ptr<Activations> repeat(const CudaBatch& batch, const Body& body);

  /// Where a kernel finds the number `tokens`: while recording, the recorded batch's own count.
  Extent extent(size_t tokens) const;

 private:
  struct DestroyGraph {
    void operator()(CUgraphExec_st* graph) const noexcept;
  };
  struct Pass {
    int runs = 0, failures = 0;
    bool refused = false;
    Arena::Block batch;
    std::unique_ptr<Activations> result;
    std::unique_ptr<CUgraphExec_st, DestroyGraph> graph;
    uint64_t state = 0;  ///< The context's, of which all of this is true.
  };
  using Key = std::tuple<size_t, size_t, size_t, bool>;

  void record(Pass& pass, const CudaBatch& batch, const Body& body);
  std::unique_ptr<Activations> replay(Pass& pass, const CudaBatch& batch);

  Context& context_;
  std::map<Key, Pass> passes_;
  std::optional<std::pair<size_t, Extent>> recorded_;  ///< Tokens, and where their number is.
};

}  // namespace twofour::cuda

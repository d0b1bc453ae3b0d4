#include "case.h"
#include "questions.h"

/// Can the products be captured in a CUDA graph, and do replays give the same bits?
namespace probe {
namespace {

using Run = std::function<void()>;

struct Graph {
  ~Graph() {
    if (executable != nullptr) cudaGraphExecDestroy(executable);
    if (graph != nullptr) cudaGraphDestroy(graph);
  }
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
};

/// Empty: captured.
std::string capture(cudaStream_t stream, const Run& run, Graph& made) {
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "beginning a capture");
  std::string reason;
  try {
    run();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  const cudaError_t ended = cudaStreamEndCapture(stream, &made.graph);
  if (ended != cudaSuccess) {
    cudaGetLastError();
    return reason + (reason.empty() ? "" : "; ") + "end of capture: " + cudaGetErrorName(ended);
  }
  if (!reason.empty()) return reason;
  const cudaError_t ready = cudaGraphInstantiate(&made.executable, made.graph, 0);
  if (ready == cudaSuccess) return "";
  cudaGetLastError();
  return std::string("instantiate: ") + cudaGetErrorName(ready);
}

void attempt(const Session& session, const Case& made, const char* library, int rounds, const Run& run) {
  JsonLine line = line_of("graphs", made.problem);
  line.add("library", library);
  const cudaStream_t stream = session.stream();
  const auto wait = [&] { check(cudaStreamSynchronize(stream), "waiting"); };
  check(cudaDeviceSynchronize(), "waiting");
  run();
  wait();
  const std::vector<std::byte> wanted = made.ends();
  Graph graph;
  const std::string reason = capture(stream, run, graph);
  line.add("captured", reason.empty()).add("reason", reason);
  if (reason.empty()) {
    bool same = true;
    for (int round = 0; round < rounds; ++round) {
      made.out.fill(0xFF);
      check(cudaDeviceSynchronize(), "waiting");
      check(cudaGraphLaunch(graph.executable, stream), "launching a graph");
      wait();
      same = same && made.ends() == wanted;
    }
    Stopwatch stopwatch(stream);
    const double launched = stopwatch.warm(run, 20);
    const double replayed =
        stopwatch.warm([&] { check(cudaGraphLaunch(graph.executable, stream), "launching a graph"); }, 20);
    line.add("sameBits", same).add("launchedUs", launched).add("replayedUs", replayed);
  }
  line.print();
}

}  // namespace

void ask_graphs(const Session& session, const Settings& settings) {
  const auto [rows, columns] = settings.shapes.front();
  for (const Number number : settings.dtypes) {
    const Problem problem = usual_problem(number, rows, columns, settings.tokens.front());
    try {
      const Case made(problem);
      DenseProduct dense(session, problem, made.bias_pointer());
      attempt(session, made, "cuBLASLt", settings.rounds,
              [&] { dense.run(made.dense_operands(), session.stream(), session.workspace(0)); });
      SparseProduct sparse(session, problem, made.bias_pointer());
      const Memory compressed = sparse.compress(made.weight);
      void* workspace = session.workspace(sparse.workspace_bytes());
      attempt(session, made, "cuSPARSELt", settings.rounds,
              [&] { sparse.run(made.sparse_operands(compressed), session.stream(), workspace); });
    } catch (const Refused& refused) {
      line_of("graphs", problem).add("refused", refused.what()).print();
    }
  }
}

}  // namespace probe

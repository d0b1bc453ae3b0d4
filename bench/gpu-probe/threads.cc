#include <array>
#include <thread>

#include "case.h"
#include "questions.h"

/// Do two threads on one handle of cuSPARSELt, each with plan and stream of its own, disturb one another?
namespace probe {
namespace {

struct Outcome {
  int runs = 0, wrong = 0;
  std::string reason;
};

void multiply(const Session& session, const Problem& problem, int rounds, Outcome& outcome) {
  try {
    check(cudaSetDevice(0), "entering the device");
    const Case made(problem);
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a stream");
    const SparseProduct product(session, problem, made.bias_pointer());
    const Memory compressed = product.compress(made.weight), workspace(product.workspace_bytes());
    std::vector<std::byte> first;
    for (int round = 0; round < rounds; ++round) {
      const SparseProduct again(session, problem, made.bias_pointer());
      again.run(made.sparse_operands(compressed), stream, workspace.data());
      check(cudaStreamSynchronize(stream), "multiplying");
      const std::vector<std::byte> bytes = made.ends();
      if (round == 0) first = bytes;
      outcome.wrong += bytes != first;
      ++outcome.runs;
    }
    check(cudaStreamDestroy(stream), "ending a stream");
  } catch (const std::exception& error) {
    outcome.reason = error.what();
  }
}

}  // namespace

void ask_threads(const Session& session, const Settings& settings) {
  const auto [rows, columns] = settings.shapes.front();
  for (const Number number : settings.dtypes) {
    const Problem problem = usual_problem(number, rows, columns, settings.tokens.front());
    std::array<Outcome, 2> outcomes;
    std::thread other([&] { multiply(session, problem, settings.rounds, outcomes[0]); });
    multiply(session, problem, settings.rounds, outcomes[1]);
    other.join();
    JsonLine line = line_of("threads", problem);
    line.add("runs", outcomes[0].runs + outcomes[1].runs).add("wrong", outcomes[0].wrong + outcomes[1].wrong);
    line.add("reason", outcomes[0].reason + outcomes[1].reason).print();
  }
}

}  // namespace probe

#include "case.h"
#include "cuda/buckets.h"
#include "questions.h"

/// Is a compressed matrix the same for every number of tokens and every algorithm, and does one serve all?
namespace probe {
namespace {

struct Tally {
  size_t plans = 0, refused = 0, other_size = 0, other_bytes = 0, other_result = 0, unwritten = 0;
  std::string first;

  void note(size_t& count, const std::string& what) {
    if (count++ == 0 && first.empty()) first = what;
  }
};

/// One plan, its own buffer against the first plan's, and its product with the first plan's buffer.
void compare(const Session& session, const Case& made, const std::vector<std::byte>& wanted,
             const Memory& shared, const Algorithm& algorithm, Tally& tally) {
  const std::string place = name_of(algorithm) + " at " + std::to_string(made.problem.tokens) + " tokens";
  try {
    const SparseProduct product(session, made.problem, made.bias_pointer(), algorithm);
    ++tally.plans;
    const Memory own = product.compress(made.weight), over = product.compress(made.weight, 0xFF);
    const std::vector<std::byte> bytes = own.download();
    if (own.bytes() != shared.bytes()) return tally.note(tally.other_size, place + ": another size");
    if (bytes != shared.download()) tally.note(tally.other_bytes, place + ": other bytes");
    if (bytes != over.download()) ++tally.unwritten;
    made.out.fill(0xFF);
    check(cudaDeviceSynchronize(), "waiting");
    product.run(made.sparse_operands(shared), session.stream(), session.workspace(product.workspace_bytes()));
    check(cudaStreamSynchronize(session.stream()), "multiplying");
    if (apart(made.problem.output, made.ends(), wanted) > tolerance_of(made.problem.output))
      tally.note(tally.other_result, place + ": other numbers than cuBLASLt");
  } catch (const Refused&) {
    ++tally.refused;
  }
}

void one_matrix(const Session& session, const Settings& settings, Number number, size_t rows,
                size_t columns) {
  JsonLine line = line_of("buffers", usual_problem(number, rows, columns, settings.tokens.front()));
  Tally tally;
  try {
    Memory shared;
    for (const size_t tokens : settings.tokens) {
      const Problem problem = usual_problem(number, rows, columns, twofour::cuda::capacity_of(tokens));
      const Case made(problem);
      if (shared.bytes() == 0)
        shared = SparseProduct(session, problem, made.bias_pointer()).compress(made.weight);
      const DenseProduct dense(session, problem, made.bias_pointer());
      check(cudaDeviceSynchronize(), "waiting");
      dense.run(made.dense_operands(), session.stream(), session.workspace(0));
      check(cudaStreamSynchronize(session.stream()), "multiplying");
      const std::vector<std::byte> wanted = made.ends();
      for (const Algorithm& algorithm : algorithms(session, problem, made.bias_pointer()))
        compare(session, made, wanted, shared, algorithm, tally);
    }
    line.add("bytes", shared.bytes()).add("denseBytes", rows * columns * bytes_of(number));
  } catch (const Refused& refused) {
    line.add("refused", refused.what());
  }
  line.add("plans", tally.plans).add("refusedPlans", tally.refused).add("otherSize", tally.other_size);
  line.add("otherBytes", tally.other_bytes).add("otherResult", tally.other_result);
  line.add("withUnwrittenBytes", tally.unwritten).add("first", tally.first);
  line.add("oneServesAll", tally.plans > 0 && tally.other_size + tally.other_result == 0).print();
}

}  // namespace

void ask_buffers(const Session& session, const Settings& settings) {
  for (const Number number : settings.dtypes)
    for (const auto& [rows, columns] : settings.shapes) one_matrix(session, settings, number, rows, columns);
}

}  // namespace probe

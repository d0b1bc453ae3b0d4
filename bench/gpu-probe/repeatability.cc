#include "case.h"
#include "questions.h"

/// Does the same product give the same bits each time, for every algorithm?
namespace probe {
namespace {

/// Whether every one of some runs left the same bits; the first run's are in `first`.
bool repeats(const Session& session, const Case& made, int rounds, const Work& work,
             std::vector<std::byte>& first) {
  for (int round = 0; round < rounds; ++round) {
    made.out.fill(0xFF);
    check(cudaDeviceSynchronize(), "waiting");
    work();
    check(cudaStreamSynchronize(session.stream()), "multiplying");
    std::vector<std::byte> bytes = made.out.download();
    if (round == 0)
      first = std::move(bytes);
    else if (bytes != first)
      return false;
  }
  return true;
}

void dense(const Session& session, const Case& made, const Settings& settings,
           std::vector<std::byte>& first) {
  DenseProduct product(session, made.problem, made.bias_pointer());
  size_t same = 0;
  for (size_t algorithm = 0; algorithm < product.algorithms(); ++algorithm) {
    product.choose(algorithm);
    const Work work = [&] { product.run(made.dense_operands(), session.stream(), session.workspace(0)); };
    same += repeats(session, made, settings.rounds, work, first);
  }
  JsonLine line = line_of("repeatability", made.problem);
  line.add("library", "cuBLASLt").add("algorithms", product.algorithms()).add("same", same).print();
}

void sparse(const Session& session, const Case& made, const Settings& settings,
            const std::vector<std::byte>& wanted) {
  const Memory compressed = SparseProduct(session, made.problem, made.bias_pointer()).compress(made.weight);
  size_t tried = 0, same = 0, wrong = 0;
  std::string changing, wrong_ones;
  for (const Algorithm& algorithm : algorithms(session, made.problem, made.bias_pointer())) {
    try {
      const SparseProduct product(session, made.problem, made.bias_pointer(), algorithm);
      void* workspace = session.workspace(product.workspace_bytes());
      const Work work = [&] { product.run(made.sparse_operands(compressed), session.stream(), workspace); };
      std::vector<std::byte> first;
      const bool steady = repeats(session, made, settings.rounds, work, first);
      ++tried;
      same += steady;
      if (!steady) changing += name_of(algorithm) + "; ";
      if (apart(made.problem.output, first, wanted) <= tolerance_of(made.problem.output)) continue;
      ++wrong;
      wrong_ones += name_of(algorithm) + "; ";
    } catch (const Refused&) {
    }
  }
  JsonLine line = line_of("repeatability", made.problem);
  line.add("library", "cuSPARSELt").add("algorithms", tried).add("same", same).add("changing", changing);
  line.add("wrong", wrong).add("wrongOnes", wrong_ones).print();
}

}  // namespace

void ask_repeatability(const Session& session, const Settings& settings) {
  const auto [rows, columns] = settings.shapes.front();
  for (const Number number : settings.dtypes) {
    const Problem problem = usual_problem(number, rows, columns, settings.tokens.front());
    try {
      const Case made(problem);
      std::vector<std::byte> wanted;
      dense(session, made, settings, wanted);
      sparse(session, made, settings, wanted);
    } catch (const Refused& refused) {
      line_of("repeatability", problem).add("refused", refused.what()).print();
    }
  }
}

}  // namespace probe

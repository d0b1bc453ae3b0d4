#include "case.h"
#include "questions.h"

/// What float16 sums of float16 numbers would bring, where the library has them (cuSPARSELt on Hopper).
namespace probe {
namespace {

double fastest(const Session& session, const Case& made) {
  const Memory compressed = SparseProduct(session, made.problem, made.bias_pointer()).compress(made.weight);
  Stopwatch stopwatch(session.stream());
  double best = 0;
  for (const Algorithm& algorithm : algorithms(session, made.problem, made.bias_pointer())) {
    try {
      const SparseProduct product(session, made.problem, made.bias_pointer(), algorithm);
      void* workspace = session.workspace(product.workspace_bytes());
      const double us = stopwatch.quick(
          [&] { product.run(made.sparse_operands(compressed), session.stream(), workspace); });
      if (best == 0 || us < best) best = us;
    } catch (const Refused&) {
    }
  }
  return best;
}

}  // namespace

void ask_half_sums(const Session& session, const Settings& settings) {
  for (const auto& [rows, columns] : settings.shapes) {
    Problem problem = usual_problem(Number::float16, rows, columns, settings.tokens.front());
    problem.bias = false;
    JsonLine line = line_of("half-sums", problem);
    try {
      line.add("float32SumsUs", fastest(session, Case(problem)));
      problem.half_sums = true;
      line.add("float16SumsUs", fastest(session, Case(problem)));
    } catch (const Refused& refused) {
      line.add("refused", refused.what());
    }
    line.print();
  }
}

}  // namespace probe

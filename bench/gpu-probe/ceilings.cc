#include "case.h"
#include "questions.h"

namespace probe {
namespace {

/// The best rate of a large product: what a floor model divides by.
void product_rate(const Session& session, const Settings& settings, Number number) {
  const auto [rows, columns] = settings.shapes.front();
  const Problem problem = usual_problem(number, rows, columns, settings.tokens.front());
  JsonLine line = line_of("ceilings", problem);
  try {
    const Case made(problem);
    DenseProduct product(session, problem, made.bias_pointer());
    Stopwatch stopwatch(session.stream());
    const Work work = [&] { product.run(made.dense_operands(), session.stream(), session.workspace(0)); };
    double best = 0;
    for (size_t algorithm = 0; algorithm < product.algorithms(); ++algorithm) {
      product.choose(algorithm);
      stopwatch.cold(work);
      std::vector<double> times;
      for (int round = 0; round < settings.rounds; ++round) times.push_back(stopwatch.warm(work, 4));
      const double us = median(times);
      if (algorithm == 0 || us < best) best = us;
    }
    const double operations = 2.0 * static_cast<double>(rows * columns * problem.tokens);
    line.add("us", best).add("teraflops", operations / best / 1e6);
  } catch (const Refused& refused) {
    line.add("refused", refused.what());
  }
  line.print();
}

/// Bytes read and written by a copy on the device.
void copy_rate(const Session& session, const Settings& settings) {
  const size_t bytes = settings.seconds < 10 ? size_t{1} << 20 : size_t{1} << 30;
  const Memory from(bytes), to(bytes);
  from.fill(1);
  Stopwatch stopwatch(session.stream());
  std::vector<double> times;
  for (int round = 0; round < settings.rounds; ++round) {
    times.push_back(stopwatch.cold([&] {
      check(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, session.stream()),
            "copying");
    }));
  }
  const double us = median(times);
  JsonLine("ceilings")
      .add("dtype", "copy")
      .add("us", us)
      .add("gigabytes", 2.0 * static_cast<double>(bytes) / us / 1e3)
      .print();
}

}  // namespace

void ask_ceilings(const Session& session, const Settings& settings) {
  copy_rate(session, settings);
  for (const Number number : settings.dtypes) product_rate(session, settings, number);
}

}  // namespace probe

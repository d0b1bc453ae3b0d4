#include "case.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace probe {
namespace {

/// Different rows; a large matrix repeats them.
constexpr size_t kRows = 64, kCompared = 64;

Memory matrix(Number number, size_t rows, size_t columns, bool two_of_four, unsigned seed,
              float largest = 1) {
  const std::vector<std::byte> block =
      noise(number, std::min(rows, kRows), columns, two_of_four, seed, largest);
  return Memory(rows * columns * bytes_of(number), block);
}

}  // namespace

Case::Case(const Problem& problem)
    : problem(problem),
      weight(matrix(problem.input, problem.rows, problem.columns, true, 1)),
      input(matrix(problem.input, problem.tokens, problem.columns, false, 2)),
      out(problem.tokens * problem.rows * bytes_of(problem.output)) {
  // So that they show in whole sums.
  const float largest = problem.output == Number::int32 ? 20'000.0f : 1.0f;
  if (problem.bias) bias = Memory(noise(problem.bias_number, 1, problem.rows, false, 3, largest));
  if (problem.residual) residual = matrix(problem.output, problem.tokens, problem.rows, false, 4, largest);
}

std::vector<std::byte> Case::ends() const {
  const size_t line = problem.rows * bytes_of(problem.output), rows = std::min(problem.tokens, kCompared);
  std::vector<std::byte> bytes = out.download(0, rows * line);
  const std::vector<std::byte> last = out.download((problem.tokens - rows) * line, rows * line);
  bytes.insert(bytes.end(), last.begin(), last.end());
  return bytes;
}

float apart(Number number, const std::vector<std::byte>& got, const std::vector<std::byte>& wanted) {
  float largest = 0, difference = 0;
  for (size_t at = 0; at < wanted.size(); at += bytes_of(number)) {
    const float a = decode(number, &got[at]), b = decode(number, &wanted[at]);
    if (!std::isfinite(a) || !std::isfinite(b)) return std::numeric_limits<float>::infinity();
    largest = std::max(largest, std::fabs(b));
    difference = std::max(difference, std::fabs(a - b));
  }
  return difference / std::max(largest, std::numeric_limits<float>::min());
}

JsonLine line_of(const char* question, const Problem& problem) {
  JsonLine line(question);
  line.add("dtype", name_of(problem.input)).add("output", name_of(problem.output));
  line.add("rows", problem.rows).add("columns", problem.columns).add("tokens", problem.tokens);
  return line;
}

}  // namespace probe

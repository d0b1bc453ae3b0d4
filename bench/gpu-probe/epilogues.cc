#include <algorithm>
#include <cmath>

#include "case.h"
#include "questions.h"

/// Which types and epilogues each library accepts, whether what comes out is right, and which GELU it is.
namespace probe {
namespace {

struct Kind {
  Number input, output, bias;
};
/// Of equal input and output behind one another: the first is asked without a bias too.
constexpr Kind kKinds[] = {
    {Number::float16, Number::float16, Number::float16},
    {Number::float16, Number::float16, Number::float32},
    {Number::bfloat16, Number::bfloat16, Number::bfloat16},
    {Number::bfloat16, Number::bfloat16, Number::float32},
    {Number::bfloat16, Number::float32, Number::float32},
    {Number::int8, Number::int32, Number::float32},
    {Number::int8, Number::float16, Number::float32},
    {Number::int8, Number::bfloat16, Number::float32},
    {Number::int8, Number::bfloat16, Number::bfloat16},
    {Number::int8, Number::int8, Number::float32},
    {Number::e4m3, Number::float32, Number::float32},
    {Number::e4m3, Number::float16, Number::float16},
    {Number::e4m3, Number::bfloat16, Number::bfloat16},
    {Number::e4m3, Number::bfloat16, Number::float32},
};

struct Epilogue {
  const char* name;
  bool bias;
  Activation activation;
  bool residual;
};
constexpr Epilogue kEpilogues[] = {
    {"none", false, Activation::none, false},      {"bias", true, Activation::none, false},
    {"residual", false, Activation::none, true},   {"bias, residual", true, Activation::none, true},
    {"ReLU", false, Activation::relu, false},      {"GELU", false, Activation::gelu, false},
    {"bias, GELU", true, Activation::gelu, false},
};

constexpr size_t kRows = 128, kColumns = 128, kTokens = 128;

double gelu_erf(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }
double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

/// Numbers of a matrix on the device.
std::vector<float> numbers(const Memory& memory, Number number) {
  const std::vector<std::byte> bytes = memory.download();
  std::vector<float> values(bytes.size() / bytes_of(number));
  for (size_t i = 0; i < values.size(); ++i) values[i] = decode(number, &bytes[i * bytes_of(number)]);
  return values;
}

/// What D would be before the activation, in double.
std::vector<double> sums(const Case& made, float alpha) {
  const Problem& p = made.problem;
  const std::vector<float> weight = numbers(made.weight, p.input), input = numbers(made.input, p.input);
  const std::vector<float> bias = p.bias ? numbers(made.bias, p.bias_number) : std::vector<float>(p.rows);
  std::vector<double> out(p.tokens * p.rows);
  for (size_t token = 0; token < p.tokens; ++token)
    for (size_t row = 0; row < p.rows; ++row) {
      double sum = 0;
      for (size_t i = 0; i < p.columns; ++i)
        sum += static_cast<double>(weight[row * p.columns + i]) * input[token * p.columns + i];
      out[token * p.rows + row] = alpha * sum + bias[row];
    }
  return out;
}

/// How far a result is from both forms of GELU: 0 is erf's, 1 is tanh's.
double share_of_tanh(const std::vector<float>& got, const std::vector<double>& before) {
  double along = 0, length = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double erf = gelu_erf(before[i]), difference = gelu_tanh(before[i]) - erf;
    along += (got[i] - erf) * difference;
    length += difference * difference;
  }
  return along / length;
}

void judge(JsonLine& line, const Case& made, float alpha) {
  const Problem& p = made.problem;
  const std::vector<float> got = numbers(made.out, p.output);
  const std::vector<double> before = sums(made, alpha);
  const std::vector<float> added =
      p.residual ? numbers(made.residual, p.output) : std::vector<float>(got.size());
  double largest = 1e-30, worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    double wanted = before[i];
    if (p.activation == Activation::relu) wanted = std::max(wanted, 0.0);
    if (p.activation == Activation::gelu) wanted = gelu_erf(wanted);
    wanted += added[i];
    if (p.output == Number::int8) wanted = std::clamp(wanted, -128.0, 127.0);
    largest = std::max(largest, std::fabs(wanted));
    const double difference = std::fabs(got[i] - wanted);
    if (!(difference <= worst)) worst = difference;
  }
  const bool whole = p.output == Number::int8 || p.output == Number::int32;
  const double allowed = 1.5 * tolerance_of(p.output) * largest + (whole ? 0.51 : 1e-6);
  line.add("difference", worst / largest).add("right", worst <= allowed);
  // Whole numbers tell the two apart no more.
  if (p.activation != Activation::gelu || whole) return;
  const double share = share_of_tanh(got, before);
  line.add("tanhShare", share)
      .add("gelu", std::fabs(share) < 0.3       ? "erf"
                   : share > 0.7 && share < 1.3 ? "tanh"
                                                : "neither");
}

template <class Run>
void attempt(const char* library, const Kind& kind, const Epilogue& epilogue, const Run& run) {
  Problem problem{kind.input, kind.output, kRows, kColumns, kTokens};
  problem.bias = epilogue.bias;
  problem.bias_number = kind.bias;
  problem.activation = epilogue.activation;
  problem.residual = epilogue.residual;
  JsonLine line = line_of("epilogues", problem);
  line.add("library", library).add("epilogue", epilogue.name);
  if (epilogue.bias) line.add("bias", name_of(kind.bias));
  try {
    const Case made(problem);
    // Sums of int8 are brought to where GELU bends.
    const bool whole = kind.output == Number::int32;
    const float alpha = kind.input != Number::int8 || whole ? 1.0f : 4e-5f;
    made.out.fill(0xFF);
    check(cudaDeviceSynchronize(), "waiting");
    run(made, alpha);
    line.add("accepted", true);
    judge(line, made, alpha);
  } catch (const Refused& refused) {
    line.add("accepted", false).add("refused", refused.what());
  }
  line.print();
}

}  // namespace

void ask_epilogues(const Session& session, const Settings&) {
  const auto wait = [&] { check(cudaStreamSynchronize(session.stream()), "multiplying"); };
  const Kind* before = nullptr;
  for (const Kind& kind : kKinds) {
    const bool repeated = before != nullptr && before->input == kind.input && before->output == kind.output;
    before = &kind;
    for (const Epilogue& epilogue : kEpilogues) {
      if (repeated && !epilogue.bias) continue;
      attempt("cuBLASLt", kind, epilogue, [&](const Case& made, float alpha) {
        const DenseProduct product(session, made.problem, made.bias_pointer());
        Operands operands = made.dense_operands();
        operands.alpha = alpha;
        product.run(operands, session.stream(), session.workspace(0));
        wait();
      });
      attempt("cuSPARSELt", kind, epilogue, [&](const Case& made, float alpha) {
        const SparseProduct product(session, made.problem, made.bias_pointer());
        const Memory compressed = product.compress(made.weight);
        Operands operands = made.sparse_operands(compressed);
        operands.alpha = alpha;
        product.run(operands, session.stream(), session.workspace(product.workspace_bytes()));
        wait();
      });
    }
  }
}

}  // namespace probe

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>

#include "backend/formats.h"
#include "base/error.h"
#include "cuda/buckets.h"
#include "cuda/stopwatch.h"
#include "cuda/tensor_scale.h"

/// Choosing between one scale for all inputs and one for each token, by time.
namespace twofour::cuda {
namespace {

/// Rows that are compared, and that what the library refuses at all is found with.
constexpr size_t kCompared = 64;
/// Of the largest number: outputs and the bias are rounded to bfloat16.
constexpr float kTolerance = 0x1p-6f;

float bfloat16_at(const std::vector<uint16_t>& words, size_t at) {
  return std::bit_cast<float>(static_cast<uint32_t>(words[at]) << 16);
}

bool agree(const std::vector<uint16_t>& got, const std::vector<uint16_t>& wanted) {
  float most = 0, difference = 0;
  for (size_t at = 0; at < wanted.size(); ++at) {
    const float x = bfloat16_at(wanted, at), apart = std::fabs(bfloat16_at(got, at) - x);
    most = std::max(most, std::fabs(x));
    if (!std::isfinite(apart)) return false;
    difference = std::max(difference, apart);
  }
  return difference <= kTolerance * most;
}

std::string reason_of(double ratio, bool wins, bool sparse, size_t tokens) {
  char text[160];
  std::snprintf(text, sizeof text, "One scale for all tokens (%s) is %s by %.2f ×%s, measured at %zu %s.",
                sparse ? "cuSPARSELt" : "cuBLASLt", ratio >= 1 ? "faster" : "slower",
                ratio >= 1 ? ratio : 1 / ratio, ratio >= 1 && !wins ? ", within the spread" : "", tokens,
                tokens == 1 ? "token" : "tokens");
  return text;
}

/// False where the library refused.
template <class Body>
bool accepted(Body&& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    if (std::string_view(error.code()) != "CUDA_LIBRARY_FAILED") throw;
    return false;
  }
}

}  // namespace

/// One number of tokens: inputs like those that calibration saw, and what the product of them must be.
class TensorScale::Trial {
 public:
  Trial(TensorScale& form, const Calibration& seen, const TokenForm& token, size_t tokens)
      : form_(form),
        context_(form.source_.context),
        seen_(seen),
        token_(token),
        tokens_(tokens),
        in_(room(form.source_.weight.columns)),
        added_(room(form.source_.weight.rows)),
        out_(room(form.source_.weight.rows)),
        levels_(make_quantised(context_, form.source_.format, in_.capacity(), in_.width(), form.step_)),
        stopwatch_(context_) {
    const float reach = form.source_.format == Format::int8 ? 127.0f : 448.0f;
    fill(in_.rows(), reach * form.step_);
    fill(added_.rows(), 1);
    quantise(in_.rows(), in_.extent(), levels_.quantised, context_.stream());
    wanted_ = expected();
  }

  /// The algorithm that is fastest (else, unless `timed`, the first) of those whose numbers are right goes
  /// into `choice`, and its plan into the form. False: there is none.
  bool pick_dense(Choice& choice, bool timed) {
    std::unique_ptr<DensePlan> plan;
    if (!accepted([&] { plan = form_.dense_plan(in_.capacity(), adds()); })) return false;
    std::vector<std::pair<double, size_t>> order;
    for (size_t algorithm = 0; algorithm < plan->algorithms(); ++algorithm) {
      plan->choose(algorithm);
      accepted([&] { order.push_back({timed ? stopwatch_.quick([&] { run(*plan); }) : 0, algorithm}); });
    }
    std::sort(order.begin(), order.end());
    for (const auto& [us, algorithm] : order) {
      plan->choose(algorithm);
      if (!is_right([&] { run(*plan); })) continue;
      choice.dense_algorithm = algorithm;
      form_.dense_plans_[key()] = std::move(plan);
      return true;
    }
    return false;
  }

  bool pick_sparse(Choice& choice, bool timed) {
    int ids = 0;
    accepted([&] { ids = form_.sparse_plan(in_.capacity(), adds(), {})->algorithm_ids(); });
    std::vector<std::pair<double, int>> order;
    for (int id = 0; id < ids; ++id) {
      double us = 0;
      const auto time = [&] {
        const std::unique_ptr<SparsePlan> plan = form_.sparse_plan(in_.capacity(), adds(), {.id = id});
        us = stopwatch_.quick([&] { run(*plan); });
      };
      if (!timed || accepted(time)) order.push_back({us, id});
    }
    std::sort(order.begin(), order.end());
    for (const auto& [us, id] : order) {
      std::unique_ptr<SparsePlan> plan;
      if (!accepted([&] { plan = form_.sparse_plan(in_.capacity(), adds(), {.id = id}); })) continue;
      if (!is_right([&] { run(*plan); })) continue;
      choice.sparse_algorithm = {.id = id};
      form_.sparse_plans_[key()] = std::move(plan);
      return true;
    }
    return false;
  }

  /// All of the work, by the faster form.
  void compare(Choice& choice, bool dense, bool sparse) {
    const auto tensor = [&](bool by_sparse) {
      return [&, by_sparse] { form_.run(in_, seen_.activation, residual(), out_, by_sparse); };
    };
    choice.sparse = !dense || (sparse && stopwatch_.quick(tensor(true)) < stopwatch_.quick(tensor(false)));
    const auto by_token = [&] { token_.run(in_, residual(), out_); };
    const Stopwatch::Pair cold = stopwatch_.compare(by_token, tensor(choice.sparse), true);
    const Stopwatch::Pair warm = stopwatch_.compare(by_token, tensor(choice.sparse), false);
    choice.token_us = cold.first_us;
    choice.tensor_us = cold.second_us;
    choice.tensor = cold.low_ratio > 1 && warm.low_ratio > 1;
    choice.reason = reason_of(cold.ratio, choice.tensor, choice.sparse, tokens_);
  }

 private:
  CudaActivations room(size_t width) const {
    return {context_,
            tokens_,
            width,
            Word::bfloat16,
            {.linears = {}, .plain = true},
            {context_.count(tokens_), capacity_of(tokens_)}};
  }
  const CudaActivations* residual() const { return seen_.residual ? &added_ : nullptr; }
  /// Whether the library adds the residual.
  bool adds() const { return seen_.residual && seen_.activation == Activation::none; }
  Key key() const { return {in_.capacity(), adds()}; }

  /// The same numbers in every 64 rows, none in the columns of padding.
  void fill(const Rows& rows, float reach) {
    std::minstd_rand random(1);
    std::uniform_real_distribution<float> uniform(-reach, reach);
    std::vector<uint16_t> words(64 * rows.stride, 0);
    for (size_t at = 0; at < words.size(); ++at) {
      if (at % rows.stride < rows.width)
        words[at] = static_cast<uint16_t>(std::bit_cast<uint32_t>(uniform(random)) >> 16);
    }
    const size_t bytes = words.size() * sizeof(uint16_t);
    for (size_t row = 0; row < in_.capacity(); row += 64)
      context_.transfers().to_device(static_cast<std::byte*>(rows.data) + row / 64 * bytes, words.data(),
                                     bytes);
  }

  Operands operands(const void* weight) const {
    return {weight, levels_.quantised.data, adds() ? added_.rows().data : nullptr, out_.rows().data};
  }
  void run(const DensePlan& plan) {
    plan.run(operands(form_.source_.weight.values.data()), context_.workspace(0), context_.stream());
  }
  void run(const SparsePlan& plan) {
    plan.run(operands(form_.source_.compressed.data()), context_.workspace(plan.workspace_bytes()),
             context_.stream());
  }

  /// By the sums of the linear's own form and our kernel.
  std::vector<uint16_t> expected() {
    const DeviceWeight& weight = form_.source_.weight;
    const Arena::Block sums = context_.memory().take(in_.capacity() * weight.padded_rows * sizeof(float));
    token_.sum(levels_.quantised.data, tokens_, sums.data());
    dequantise({.sums = sums.data(),
                .word = form_.source_.format == Format::int8 ? SumWord::int32 : SumWord::float32,
                .token_scales = context_.ones(in_.capacity()),
                .token_zeros = nullptr,
                .row_scales = form_.factors_.as<float>(),
                .row_sums = nullptr,
                .bias = weight.bias.as<float>(),
                .activation = Activation::none,
                .residual = adds() ? added_.rows() : Rows{}},
               in_.extent(), out_.rows(), out_.quantised(), context_.stream());
    return read();
  }
  template <class Product>
  bool is_right(const Product& product) {
    return accepted(product) && agree(read(), wanted_);
  }
  std::vector<uint16_t> read() {
    const Rows& rows = out_.rows();
    std::vector<uint16_t> words(std::min(tokens_, kCompared) * rows.stride);
    context_.transfers().to_host(words.data(), rows.data, words.size() * sizeof(uint16_t));
    return words;
  }

  TensorScale& form_;
  Context& context_;
  const Calibration& seen_;
  const TokenForm& token_;
  size_t tokens_;
  CudaActivations in_, added_, out_;
  QuantisedBlocks levels_;
  std::vector<uint16_t> wanted_;
  Stopwatch stopwatch_;
};

std::string TensorScale::Choice::algorithm() const {
  char text[96];
  std::snprintf(text, sizeof text, "%s, dense %zu, sparse %d, %s wins", sparse ? "sparse" : "dense",
                dense_algorithm, sparse_algorithm.id, tensor ? "tensor" : "token");
  return text;
}

std::optional<TensorScale::Choice> TensorScale::Choice::from(const Measurement& known) {
  Choice choice{.token_us = known.dense_us, .tensor_us = known.sparse_us};
  char form[8] = {}, verdict[8] = {};
  if (std::sscanf(known.algorithm.c_str(), "%6[a-z], dense %zu, sparse %d, %6s wins", form,
                  &choice.dense_algorithm, &choice.sparse_algorithm.id, verdict) != 4)
    return std::nullopt;
  choice.sparse = std::string_view(form) == "sparse";
  choice.tensor = std::string_view(verdict) == "tensor";
  choice.reason = reason_of(known.dense_us / known.sparse_us, choice.tensor, choice.sparse, known.tokens);
  return choice;
}

void TensorScale::choose(std::span<const size_t> bounds, const Calibration& seen, const TokenForm& token) {
  if (!has_form()) return;
  prove(seen, token);
  if (!has_form()) return;
  for (const size_t bound : bounds) choices_.push_back(chosen(bound, seen, token));
  choices_.back().tokens.reset();
}

void TensorScale::prove(const Calibration& seen, const TokenForm& token) {
  Trial trial(*this, seen, token, kCompared);
  Choice unused;
  dense_ = dense_ && trial.pick_dense(unused, false);
  sparse_ = sparse_ && trial.pick_sparse(unused, false);
  dense_plans_.clear();
  sparse_plans_.clear();
  if (!has_form()) why_not_ = "The library refused one scale for all tokens, or gave other numbers.";
}

/// For more than half of `bound` tokens and up to it, measured at the fewest of them.
TensorScale::Choice TensorScale::chosen(size_t bound, const Calibration& seen, const TokenForm& token) {
  const size_t tokens = bound / 2 + 1;
  const std::string name(name_of(source_.format));
  Measurement wanted{.rows = source_.weight.rows,
                     .columns = source_.weight.columns,
                     .kept = sparse_ ? size_t{50} : size_t{100},
                     .dense = name + " per token",
                     .sparse = name + " per tensor, activation " +
                               std::to_string(static_cast<int>(seen.activation)) +
                               (seen.residual ? ", residual" : ""),
                     .tokens = tokens,
                     .dense_us = 0,
                     .sparse_us = 0};
  std::optional<Choice> choice;
  if (const std::optional<Measurement> known = seen.tuning->find(wanted)) choice = Choice::from(*known);
  if (!choice && seen.tuning->has_budget()) {
    const auto begin = std::chrono::steady_clock::now();
    choice.emplace();
    Trial trial(*this, seen, token, tokens);
    const bool dense = dense_ && trial.pick_dense(*choice, true),
               sparse = sparse_ && trial.pick_sparse(*choice, true);
    if (dense || sparse) trial.compare(*choice, dense, sparse);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    if (choice->token_us) {
      wanted.dense_us = *choice->token_us;
      wanted.sparse_us = *choice->tensor_us;
      wanted.algorithm = choice->algorithm();
      seen.tuning->add(wanted, spent.count());
    } else {
      choice->reason = "The library refused one scale for all tokens here, or gave other numbers.";
      seen.tuning->spend(spent.count());
    }
  }
  if (!choice) {
    choice.emplace();
    choice->reason = "Not measured: loading had spent its time for that.";
  }
  // What is known may be of a matrix that still has its other form.
  if (choice->sparse ? !sparse_ : !dense_) choice->tensor = false;
  choice->tokens = bound;
  return *choice;
}

}  // namespace twofour::cuda

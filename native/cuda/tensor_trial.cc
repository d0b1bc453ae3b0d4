#include "cuda/tensor_trial.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "base/error.h"
#include "cuda/buckets.h"

namespace twofour::cuda {
namespace {

/// Rows that are compared, and that repeat.
constexpr size_t kBlock = 64;
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

TensorScale::Trial::Trial(TensorScale& form, const Calibration& seen, const TokenForm& token, size_t tokens)
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
  fill(in_.rows(), reach_of(form.source_.format) * form.step_);
  fill(added_.rows(), 1);
  quantise(in_.rows(), in_.extent(), levels_.quantised, context_.stream());
  wanted_ = expected();
}

CudaActivations TensorScale::Trial::room(size_t width) const {
  const Extent extent{context_.count(tokens_), capacity_of(tokens_)};
  return {context_, tokens_, width, Word::bfloat16, {.linears = {}, .plain = true}, extent};
}

/// The same numbers in every block, none in the columns of padding.
void TensorScale::Trial::fill(const Rows& rows, float reach) {
  std::minstd_rand random(1);
  std::uniform_real_distribution<float> uniform(-reach, reach);
  std::vector<uint16_t> words(kBlock * rows.stride, 0);
  for (size_t at = 0; at < words.size(); ++at) {
    if (at % rows.stride < rows.width)
      words[at] = static_cast<uint16_t>(std::bit_cast<uint32_t>(uniform(random)) >> 16);
  }
  const size_t bytes = words.size() * sizeof(uint16_t);
  for (size_t row = 0; row < in_.capacity(); row += kBlock)
    context_.transfers().to_device(static_cast<std::byte*>(rows.data) + row / kBlock * bytes, words.data(),
                                   bytes);
}

std::vector<uint16_t> TensorScale::Trial::expected() {
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

std::vector<uint16_t> TensorScale::Trial::read() {
  const Rows& rows = out_.rows();
  std::vector<uint16_t> words(std::min(tokens_, kBlock) * rows.stride);
  context_.transfers().to_host(words.data(), rows.data, words.size() * sizeof(uint16_t));
  return words;
}

Operands TensorScale::Trial::operands(const void* weight) const {
  return {weight, levels_.quantised.data, adds() ? added_.rows().data : nullptr, out_.rows().data};
}
void TensorScale::Trial::run(const DensePlan& plan) {
  plan.run(operands(form_.source_.weight.values.data()), context_.workspace(0), context_.stream());
}
void TensorScale::Trial::run(const SparsePlan& plan) {
  plan.run(operands(form_.source_.compressed.data()), context_.workspace(plan.workspace_bytes()),
           context_.stream());
}

template <class Plan>
bool TensorScale::Trial::is_right(const Plan& plan) {
  return accepted([&] { run(plan); }) && agree(read(), wanted_);
}

bool TensorScale::Trial::pick_dense(Choice& choice, bool timed) {
  std::unique_ptr<DensePlan> plan;
  if (!accepted([&] { plan = form_.dense_plan(in_.capacity(), adds()); })) return false;
  std::vector<std::pair<double, size_t>> order;
  for (size_t algorithm = 0; algorithm < plan->algorithms(); ++algorithm) {
    plan->choose(algorithm);
    double us = 0;
    const auto time = [&] { us = stopwatch_.quick([&] { run(*plan); }); };
    if (!timed || accepted(time)) order.push_back({us, algorithm});
  }
  std::sort(order.begin(), order.end());
  for (const auto& [us, algorithm] : order) {
    plan->choose(algorithm);
    if (!is_right(*plan)) continue;
    choice.dense_algorithm = algorithm;
    form_.dense_plans_[key()] = std::move(plan);
    return true;
  }
  return false;
}

bool TensorScale::Trial::pick_sparse(Choice& choice, bool timed) {
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
    if (!is_right(*plan)) continue;
    choice.sparse_algorithm = {.id = id};
    form_.sparse_plans_[key()] = std::move(plan);
    return true;
  }
  return false;
}

void TensorScale::Trial::compare(Choice& choice, bool dense, bool sparse) {
  const auto by_tensor = [&](bool by_sparse) {
    return [this, by_sparse] { form_.run(in_, seen_.activation, residual(), out_, by_sparse); };
  };
  choice.sparse =
      !dense || (sparse && stopwatch_.quick(by_tensor(true)) < stopwatch_.quick(by_tensor(false)));
  const auto by_token = [&] { token_.run(in_, residual(), out_); };
  const Stopwatch::Pair cold = stopwatch_.compare(by_token, by_tensor(choice.sparse), true);
  const Stopwatch::Pair warm = stopwatch_.compare(by_token, by_tensor(choice.sparse), false);
  choice.token_us = cold.first_us;
  choice.tensor_us = cold.second_us;
  choice.tensor = cold.low_ratio > 1 && warm.low_ratio > 1;
  choice.reason = reason_of(cold.ratio, choice.tensor, choice.sparse, tokens_);
}

}  // namespace twofour::cuda

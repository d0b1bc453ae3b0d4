#include "cuda/tensor_trial.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <random>

#include "cuda/buckets.h"
#include "cuda/refusal.h"
#include "cuda/sample.h"

namespace twofour::cuda {
namespace {

/// Rows at either end that are compared, and rows that repeat.
constexpr size_t kBlock = 64;
constexpr double kUnbounded = std::numeric_limits<double>::infinity();

}  // namespace

TensorScale::Trial::Trial(TensorScale& form, const Calibration& seen, size_t tokens)
    : form_(form),
      context_(form.source_.context),
      seen_(seen),
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

std::vector<std::byte> TensorScale::Trial::expected() {
  const DeviceWeight& weight = form_.source_.weight;
  const Arena::Block sums = context_.memory().take(in_.capacity() * weight.padded_rows * sizeof(float));
  form_.token_.sum(levels_.quantised.data, tokens_, sums.data());
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
  return ends();
}

std::vector<std::byte> TensorScale::Trial::ends() {
  const Rows& rows = out_.rows();
  const size_t line = rows.stride * sizeof(uint16_t), count = std::min(tokens_, kBlock);
  std::vector<std::byte> bytes(2 * count * line);
  const auto* data = static_cast<const std::byte*>(rows.data);
  context_.transfers().to_host(bytes.data(), data, count * line);
  context_.transfers().to_host(&bytes[count * line], data + (tokens_ - count) * line, count * line);
  return bytes;
}

Operands TensorScale::Trial::operands(const void* weight) const {
  return {weight, levels_.quantised.data, adds() ? added_.rows().data : nullptr, out_.rows().data};
}
void TensorScale::Trial::run(DensePlan& plan) {
  plan.run(operands(form_.source_.weight.values.data()), dense_rows_of(tokens_), context_.workspace(0),
           context_.stream());
}
void TensorScale::Trial::run(SparsePlan& plan) {
  plan.run(operands(form_.source_.compressed.data()), context_.workspace(plan.workspace_bytes()),
           context_.stream());
}

/// Outputs and the bias are rounded to bfloat16, a unit of its last place or two.
template <class Plan>
bool TensorScale::Trial::is_right(Plan& plan) {
  return accepted([&] { run(plan); }) && agree(Format::bfloat16, ends(), wanted_);
}

bool TensorScale::Trial::pick_dense(Found& found, bool timed) {
  std::unique_ptr<DensePlan> plan;
  if (!accepted([&] { plan = form_.dense_plan(in_.capacity(), adds(), {}); })) return false;
  std::vector<std::pair<double, size_t>> order;
  double least = kUnbounded;
  for (size_t algorithm = 0; algorithm < plan->algorithms(); ++algorithm) {
    plan->choose(algorithm);
    double us = 0;
    if (timed && !accepted([&] { us = stopwatch_.quick([&] { run(*plan); }, least); })) continue;
    order.push_back({us, algorithm});
    least = std::min(least, us);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [us, algorithm] : order) {
    plan->choose(algorithm);
    if (!is_right(*plan)) continue;
    found.dense_algorithm = plan->chosen();
    found.place = algorithm + 1;
    found.candidates = plan->algorithms();
    form_.dense_plans_[key()] = std::move(plan);
    return true;
  }
  return false;
}

bool TensorScale::Trial::pick_sparse(Found& found, bool timed) {
  int ids = 0;
  accepted([&] { ids = form_.sparse_plan(in_.capacity(), adds(), {})->algorithm_ids(); });
  std::vector<std::pair<double, int>> order;
  double least = kUnbounded;
  for (int id = 0; id < ids; ++id) {
    double us = 0;
    const auto time = [&] {
      const std::unique_ptr<SparsePlan> plan = form_.sparse_plan(in_.capacity(), adds(), {.id = id});
      us = stopwatch_.quick([&] { run(*plan); }, least);
    };
    if (timed && !accepted(time)) continue;
    order.push_back({us, id});
    least = std::min(least, us);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [us, id] : order) {
    std::unique_ptr<SparsePlan> plan;
    if (!accepted([&] { plan = form_.sparse_plan(in_.capacity(), adds(), {.id = id}); })) continue;
    if (!is_right(*plan)) continue;
    found.sparse_algorithm = {.id = id};
    form_.sparse_plans_[key()] = std::move(plan);
    return true;
  }
  return false;
}

Stopwatch::Work TensorScale::Trial::by_tensor(bool sparse) {
  return [this, sparse] { form_.run(in_, seen_.activation, residual(), out_, sparse); };
}

std::optional<bool> TensorScale::Trial::pick(Found& found, std::optional<bool> only) {
  const bool dense = form_.dense_ && only != true && pick_dense(found, true),
             sparse = form_.sparse_ && only != false && pick_sparse(found, true);
  if (!dense && !sparse) return std::nullopt;
  if (!dense || !sparse) return sparse;
  const double least = stopwatch_.quick(by_tensor(false), kUnbounded);
  return stopwatch_.quick(by_tensor(true), least) < least;
}

void TensorScale::Trial::compare(Found& found, bool sparse) {
  const auto by_token = [this] { form_.token_.run(in_, residual(), out_); };
  const Stopwatch::Pair cold = stopwatch_.compare(by_token, by_tensor(sparse), true);
  const Stopwatch::Pair warm = stopwatch_.compare(by_token, by_tensor(sparse), false);
  found.dense_us = cold.first_us;
  found.sparse_us = cold.second_us;
  found.sparse_wins = cold.low_ratio > 1 && warm.low_ratio > 1;
}

}  // namespace twofour::cuda

#include "cuda/tensor_scale.h"

#include <bit>
#include <cmath>
#include <limits>

#include "backend/formats.h"
#include "base/error.h"
#include "cuda/buckets.h"

namespace twofour::cuda {
namespace {

template <class T>
Arena::Block copied(Context& context, const std::vector<T>& values) {
  Arena::Block block = context.memory().keep(values.size() * sizeof(T));
  context.transfers().to_device(block.data(), values.data(), values.size() * sizeof(T));
  return block;
}

std::vector<float> read_back(Context& context, const Arena::Block& from, size_t count) {
  std::vector<float> values(count);
  context.transfers().to_host(values.data(), from.data(), count * sizeof(float));
  return values;
}

}  // namespace

TensorScale::TensorScale(const Source& source, const Calibration& seen, TokenForm token)
    : source_(source), seen_(seen), token_(std::move(token)) {
  const auto& [context, format, weight, compressed] = source;
  const float largest = seen.largest;
  if (!std::isfinite(largest)) {
    why_not_ = "While calibrating, some of its inputs were not finite.";
    return;
  }
  const float reach = reach_of(format);
  step_ = largest / reach > std::numeric_limits<float>::min() ? largest / reach : 1;
  std::vector<float> factors = read_back(context, weight.row_scales, weight.padded_rows);
  for (float& factor : factors) factor *= step_;
  factors_ = copied(context, factors);
  std::vector<uint16_t> bias;
  for (const float x : read_back(context, weight.bias, weight.padded_rows))
    bias.push_back(static_cast<uint16_t>(std::bit_cast<uint32_t>(round_to_bfloat16(x)) >> 16));
  bias_ = copied(context, bias);
  dense_ = format == Format::float8 && context.compute_capability() == 90 && weight.values.data() != nullptr;
  sparse_ = compressed.data() != nullptr;
  if (has_form()) {
    prove();
  } else if (format == Format::int8) {
    why_not_ = "cuBLASLt gives no 16-bit numbers from int8, and cuSPARSELt, which does, is for 2:4 matrices.";
  } else {
    why_not_ =
        "cuBLASLt scales e4m3 by rows of the weights on compute capability 9.0 alone, and cuSPARSELt, which "
        "does elsewhere, is for 2:4 matrices.";
  }
}

TensorScale::Way TensorScale::way(size_t tokens, bool sparse, bool only_dense) const {
  if (held_ && has_form()) return *held_ == Scaling::token ? Way{false, sparse} : Way{true, !dense_};
  if (classes_.empty()) return {false, sparse};
  const Class& one = class_of(classes_, tokens);
  return one.tensor && !(one.sparse && only_dense) ? Way{true, one.sparse} : Way{false, sparse};
}

void TensorScale::revert(std::optional<size_t> tokens, const std::string& reason) {
  for (Class& one : classes_) {
    if (one.most() != tokens || !one.tensor || !one.sparse) continue;
    one.tensor = false;
    one.reason = reason;
  }
}

PackedLinear::Scales TensorScale::scales() const {
  PackedLinear::Scales scales{.has_tensor = has_form(), .reason = why_not_, .choices = {}};
  for (const Class& one : classes_) {
    const Found* found = one.decisive();
    scales.choices.push_back({one.most(), one.tensor ? Scaling::tensor : Scaling::token,
                              found ? std::optional(found->dense_us) : std::nullopt,
                              found ? found->sparse_us : std::nullopt, one.reason});
  }
  return scales;
}

ProductShape TensorScale::shape(bool residual) const {
  const DeviceWeight& weight = source_.weight;
  return {.format = source_.format,
          .rows = weight.padded_rows,
          .columns = weight.stride,
          .weight_stride = weight.stride,
          .input_stride = weight.stride,
          .bias = true,
          .residual = residual,
          .activation = Activation::none,
          .scaled = true};
}

std::unique_ptr<DensePlan> TensorScale::dense_plan(size_t capacity, bool residual,
                                                   const std::optional<DenseAlgorithm>& algorithm) const {
  Context& context = source_.context;
  return std::make_unique<DensePlan>(
      context.dense(), context.dense_handle(), shape(residual), capacity, bias_.data(),
      context.workspace(0).bytes, algorithm,
      ProductScales{.rows = factors_.as<float>(), .ones = context.ones(capacity)});
}

/// Which type its bias has beside 8-bit operands is not published: fp32 is what others have found, and a
/// library that reads another gives numbers that `prove` refuses.
std::unique_ptr<SparsePlan> TensorScale::sparse_plan(size_t capacity, bool residual,
                                                     const SparseAlgorithm& algorithm) const {
  Context& context = source_.context;
  return std::make_unique<SparsePlan>(*context.sparse(), context.sparse_handle(), shape(residual), capacity,
                                      source_.weight.bias.data(), algorithm,
                                      ProductScales{.rows = factors_.as<float>()});
}

void TensorScale::multiply(size_t tokens, size_t capacity, Operands operands, bool sparse) const {
  Context& context = source_.context;
  const bool residual = operands.residual != nullptr;
  const Found* found = found_for(capacity, sparse);
  if (sparse) {
    std::unique_ptr<SparsePlan>& plan = sparse_plans_[{capacity, residual}];
    if (!plan)
      plan = usual_on_refusal(capacity, residual, found ? found->sparse_algorithm : SparseAlgorithm{});
    operands.weight = source_.compressed.data();
    plan->run(operands, context.workspace(plan->workspace_bytes()), context.stream());
    return;
  }
  std::unique_ptr<DensePlan>& plan = dense_plans_[{capacity, residual}];
  if (!plan)
    plan = dense_plan(capacity, residual, found ? std::optional(found->dense_algorithm) : std::nullopt);
  operands.weight = source_.weight.values.data();
  plan->run(operands, dense_rows_of(tokens), context.workspace(0), context.stream());
}

const Found* TensorScale::found_for(size_t capacity, bool sparse) const {
  if (classes_.empty()) return nullptr;
  const Class& one = class_of(classes_, capacity);
  return one.sparse == sparse ? one.nearest(capacity) : nullptr;
}

/// An algorithm was chosen at another number of tokens of its class.
std::unique_ptr<SparsePlan> TensorScale::usual_on_refusal(size_t capacity, bool residual,
                                                          const SparseAlgorithm& algorithm) const {
  try {
    return sparse_plan(capacity, residual, algorithm);
  } catch (const Error& error) {
    if (std::string_view(error.code()) != "CUDA_LIBRARY_FAILED") throw;
    return sparse_plan(capacity, residual, {});
  }
}

void TensorScale::run(const CudaActivations& in, Activation activation, const CudaActivations* residual,
                      CudaActivations& out, bool sparse) const {
  Context& context = source_.context;
  QuantisedBlocks own;
  const void* levels = in.quantised().data;
  if (levels == nullptr) {
    own = make_quantised(context, source_.format, in.capacity(), in.width(), step_);
    quantise(in.rows(), in.extent(), own.quantised, context.stream());
    levels = own.quantised.data;
  }
  const Rows& to = out.rows();
  // The library adds before an activation could be computed; ours is added after it.
  const bool plain = activation == Activation::none;
  multiply(in.tokens(), in.capacity(),
           {.weight = nullptr,
            .input = levels,
            .residual = plain && residual != nullptr ? residual->rows().data : nullptr,
            .out = to.data},
           sparse);
  if (!plain) {
    activate(to, activation, residual != nullptr ? residual->rows() : Rows{}, in.extent(), to,
             out.quantised(), context.stream());
  } else if (out.quantised().data != nullptr) {
    quantise(to, in.extent(), out.quantised(), context.stream());
  }
}

}  // namespace twofour::cuda

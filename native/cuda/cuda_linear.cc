#include "cuda/cuda_linear.h"

#include <algorithm>
#include <chrono>

#include "backend/formats.h"
#include "base/error.h"
#include "cuda/buckets.h"
#include "cuda/measure.h"

namespace twofour::cuda {
namespace {

/// Upper bounds of the classes of token counts; the last also serves what is beyond.
constexpr size_t kBounds[] = {64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};

bool is_8_bit(Format format) { return bytes_of_input(format) == 1; }

/// Numbers of a format's linear in and out, where the encoder has the same.
Word word_of(Format format) {
  if (format == Format::float16) return Word::float16;
  return format == Format::float32 ? Word::float32 : Word::bfloat16;
}

}  // namespace

CudaLinear::CudaLinear(Context& context, const LinearWeights& weights)
    : context_(context), format_(weights.format), weight_(load_weight(context, weights)) {
  decide(weights);
}

std::vector<PackedLinear::Form> CudaLinear::forms() const {
  std::vector<Form> forms;
  const std::string name(name_of(format_));
  if (holds_dense_) forms.push_back({name, weight_.bytes});
  if (compressed_bytes_ > 0) forms.push_back({"sparse " + name, compressed_bytes_});
  return forms;
}

std::vector<PackedLinear::Choice> CudaLinear::choices() const {
  std::vector<Choice> choices;
  for (const Bucket& bucket : buckets_) {
    const std::string form = (bucket.sparse ? "sparse " : "") + std::string(name_of(format_));
    choices.push_back({bucket.tokens, form, bucket.dense_us, bucket.sparse_us, bucket.reason});
  }
  return choices;
}

std::string CudaLinear::why_dense(const LinearWeights& weights) const {
  if (weights.sparsity == Sparsity::off) return "Sparse forms are off.";
  if (weight_.nonzeros == weight_.rows * weight_.columns) return "The matrix has no zeros.";
  if (format_ == Format::float32) return "float32 is dense here: it is for comparing.";
  if (weight_.offending_row)
    return "Not 2:4: row " + std::to_string(*weight_.offending_row) +
           " has more than two weights in a group of four.";
  if (context_.sparse() == nullptr) return context_.why_no_sparse();
  return {};
}

void CudaLinear::decide(const LinearWeights& weights) {
  const std::string reason = why_dense(weights);
  if (!reason.empty()) {
    buckets_ = {{.reason = reason}};
    return;
  }
  compress();
  if (weights.sparsity == Sparsity::require) {
    buckets_ = {{.sparse = true, .reason = "Sparse forms were required."}};
    return settle();
  }
  for (const size_t bound : kBounds) buckets_.push_back(measured(bound, *weights.tuning));
  buckets_.back().tokens.reset();
}

void CudaLinear::hold_dense(bool hold) {
  held_dense_ = hold;
  context_.change();
}

void CudaLinear::revert(std::optional<size_t> tokens, const std::string& reason) {
  context_.change();
  for (Bucket& bucket : buckets_) {
    if (bucket.tokens != tokens || !bucket.sparse) continue;
    bucket.sparse = false;
    bucket.reason = reason;
  }
}

/// What runs for more than half of `bound` tokens and up to it, measured at the fewest of them.
CudaLinear::Bucket CudaLinear::measured(size_t bound, Tuning& tuning) {
  const size_t tokens = bound / 2 + 1;
  Measurement wanted{.rows = weight_.rows,
                     .columns = weight_.columns,
                     .kept = 50,
                     .dense = std::string(name_of(format_)),
                     .sparse = "sparse " + std::string(name_of(format_)),
                     .tokens = tokens,
                     .dense_us = 0,
                     .sparse_us = 0};
  std::optional<Found> found;
  if (const std::optional<Measurement> known = tuning.find(wanted))
    found = Found::from(known->algorithm, known->dense_us, known->sparse_us, tokens);
  if (!found && tuning.has_budget()) {
    const auto begin = std::chrono::steady_clock::now();
    found = measure(context_, shape(false), weight_, compressed_.data(), tokens);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    if (found->sparse_us) {
      wanted.dense_us = *found->dense_us;
      wanted.sparse_us = *found->sparse_us;
      wanted.algorithm = found->algorithm();
      tuning.add(wanted, spent.count());
    } else {
      tuning.spend(spent.count());
    }
  }
  if (!found)
    return {.tokens = bound,
            .reason =
                "Not measured: loading had spent its time for that. `twofour tune` measures without a "
                "bound."};
  return {.tokens = bound,
          .sparse = found->sparse_wins,
          .sparse_algorithm = found->sparse_algorithm,
          .dense_algorithm = found->dense_algorithm,
          .dense_us = found->dense_us,
          .sparse_us = found->sparse_us,
          .reason = found->reason};
}

void CudaLinear::settle() {
  context_.change();
  const auto is_sparse = [](const Bucket& bucket) { return bucket.sparse; };
  if (std::all_of(buckets_.begin(), buckets_.end(), is_sparse)) {
    weight_.values = {};
    holds_dense_ = false;
  }
  if (std::none_of(buckets_.begin(), buckets_.end(), is_sparse)) {
    compressed_ = {};
    compressed_bytes_ = 0;
  }
}

void CudaLinear::compress() {
  const SparsePlan plan(*context_.sparse(), context_.sparse_handle(), shape(false), capacity_of(0),
                        weight_.bias.data(), {});
  const SparsePlan::CompressedBytes bytes = plan.compressed_bytes();
  const Arena::Block scratch = context_.memory().take(bytes.scratch);
  compressed_ = context_.memory().keep(bytes.result);
  compressed_bytes_ = bytes.result;
  plan.compress(weight_.values.data(), compressed_.data(), scratch.data(), context_.stream());
}

const CudaLinear::Bucket& CudaLinear::bucket_of(size_t tokens) const {
  for (const Bucket& bucket : buckets_) {
    if (!bucket.tokens || tokens <= *bucket.tokens) return bucket;
  }
  return buckets_.back();
}

/// `mixed`: a float32 linear between activations of another word, whose inputs come without padding.
ProductShape CudaLinear::shape(bool mixed) const {
  return {.format = format_,
          .rows = weight_.padded_rows,
          .columns = mixed ? weight_.columns : weight_.stride,
          .weight_stride = weight_.stride,
          .input_stride = mixed ? weight_.columns : weight_.stride,
          .bias = !mixed && !is_8_bit(format_),
          .residual = false};
}

/// The algorithm was chosen at another number of tokens of its class, and without what the epilogue adds;
/// where it is refused here, the library's own choice.
std::unique_ptr<SparsePlan> CudaLinear::sparse_plan(const ProductShape& product, size_t capacity,
                                                    const SparseAlgorithm& algorithm) const {
  const auto made = [&](const SparseAlgorithm& with) {
    return std::make_unique<SparsePlan>(*context_.sparse(), context_.sparse_handle(), product, capacity,
                                        product.bias ? weight_.bias.data() : nullptr, with);
  };
  if (algorithm == SparseAlgorithm{}) return made(algorithm);
  try {
    return made(algorithm);
  } catch (const Error& error) {
    if (std::string_view(error.code()) != "CUDA_LIBRARY_FAILED") throw;
    return made({});
  }
}

void CudaLinear::multiply(const ProductShape& product, size_t tokens, size_t capacity, const void* input,
                          const void* residual, void* out) const {
  const Bucket& bucket = bucket_of(tokens);
  const Key key{capacity, product.residual, product.activation};
  if (runs_sparse(tokens)) {
    std::unique_ptr<SparsePlan>& plan = sparse_plans_[key];
    if (!plan) plan = sparse_plan(product, capacity, bucket.sparse_algorithm);
    plan->run({compressed_.data(), input, residual, out}, context_.workspace(plan->workspace_bytes()),
              context_.stream());
    return;
  }
  std::unique_ptr<DensePlan>& plan = dense_plans_[key];
  if (!plan) {
    plan = std::make_unique<DensePlan>(context_.dense(), context_.dense_handle(), product, capacity,
                                       weight_.bias.data(), context_.workspace(0).bytes);
    plan->choose(std::min(bucket.dense_algorithm, plan->algorithms() - 1));
  }
  plan->run({weight_.values.data(), input, residual, out}, context_.workspace(0), context_.stream());
}

void CudaLinear::run(const CudaActivations& in, Activation activation, const CudaActivations* residual,
                     CudaActivations& out) const {
  if (is_8_bit(format_)) return run_8_bit(in, activation, residual, out);
  if (in.rows().word == word_of(format_)) return run_plain(in, activation, residual, out);
  if (format_ == Format::float32) return run_mixed(in, activation, residual, out);
  throw Error("INTERNAL", "A linear in " + std::string(name_of(format_)) +
                              " was asked to read activations of another 16-bit format.");
}

void CudaLinear::run_plain(const CudaActivations& in, Activation activation, const CudaActivations* residual,
                           CudaActivations& out) const {
  const Rows& to = out.rows();
  ProductShape product = shape(false);
  // The library adds before an activation could be computed; ours is added after it.
  const bool plain = activation == Activation::none;
  product.residual = plain && residual != nullptr;
  if (residual == nullptr && fuses(format_, activation, runs_sparse(in.tokens())))
    product.activation = activation;
  multiply(product, in.tokens(), in.capacity(), in.rows().data,
           product.residual ? residual->rows().data : nullptr, to.data);
  if (plain || product.activation == activation) {
    if (out.quantised().data != nullptr) quantise(to, in.extent(), out.quantised(), context_.stream());
  } else {
    activate(to, activation, residual ? residual->rows() : Rows{}, in.extent(), to, out.quantised(),
             context_.stream());
  }
}

void CudaLinear::run_mixed(const CudaActivations& in, Activation activation, const CudaActivations* residual,
                           CudaActivations& out) const {
  const Arena::Block input = context_.memory().take(in.capacity() * weight_.columns * sizeof(float));
  const Arena::Block sums = context_.memory().take(in.capacity() * weight_.padded_rows * sizeof(float));
  to_float(in.rows(), in.extent(), input.as<float>(), context_.stream());
  multiply(shape(true), in.tokens(), in.capacity(), input.data(), nullptr, sums.data());
  dequantise({.sums = sums.data(),
              .word = SumWord::float32,
              .token_scales = context_.ones(std::max(in.capacity(), weight_.padded_rows)),
              .token_zeros = nullptr,
              .row_scales = context_.ones(weight_.padded_rows),
              .row_sums = nullptr,
              .bias = weight_.bias.as<float>(),
              .activation = activation,
              .residual = residual ? residual->rows() : Rows{}},
             in.extent(), out.wanted_rows(), out.quantised(), context_.stream());
}

void CudaLinear::run_8_bit(const CudaActivations& in, Activation activation, const CudaActivations* residual,
                           CudaActivations& out) const {
  QuantisedBlocks own;
  Quantised input = in.quantised();
  if (input.data == nullptr) {
    own = make_quantised(context_, format_, in.capacity(), in.width());
    quantise(in.rows(), in.extent(), own.quantised, context_.stream());
    input = own.quantised;
  }
  const Arena::Block sums = context_.memory().take(in.capacity() * weight_.padded_rows * sizeof(float));
  multiply(shape(false), in.tokens(), in.capacity(), input.data, nullptr, sums.data());
  dequantise({.sums = sums.data(),
              .word = format_ == Format::int8 ? SumWord::int32 : SumWord::float32,
              .token_scales = input.scales,
              .token_zeros = input.zeros,
              .row_scales = weight_.row_scales.as<float>(),
              .row_sums = weight_.row_sums.as<int32_t>(),
              .bias = weight_.bias.as<float>(),
              .activation = activation,
              .residual = residual ? residual->rows() : Rows{}},
             in.extent(), out.wanted_rows(), out.quantised(), context_.stream());
}

}  // namespace twofour::cuda

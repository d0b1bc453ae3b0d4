#include "cuda/cuda_linear.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "backend/formats.h"
#include "base/error.h"
#include "cuda/buckets.h"
#include "cuda/measure.h"

namespace twofour::cuda {
namespace {

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
  for (const TokenClass& one : classes_) {
    const bool sparse = settles_sparse(one);
    const std::string form = (sparse ? "sparse " : "") + std::string(name_of(format_));
    const std::string& reason =
        sparse == one.sparse ? one.reason : "It is what runs with one scale for all tokens: see scales.";
    const Found* found = one.decisive();
    choices.push_back({one.most(), form, found ? std::optional(found->dense_us) : std::nullopt,
                       found ? found->sparse_us : std::nullopt, reason});
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
  why_dense_ = why_dense(weights);
  wants_tuning_ = format_ != Format::float32;
  classes_ = {{.reason = why_dense_}};
  if (!why_dense_.empty()) return;
  compress();
  if (weights.sparsity == Sparsity::require) {
    wants_tuning_ = false;
    classes_ = {{.sparse = true, .reason = "Sparse forms were required."}};
    return settle();
  }
  classes_ = {{.reason = not_measured()}};
}

std::string CudaLinear::not_measured(const char* why) const {
  return why_dense_ + (why_dense_.empty() ? "" : " ") + "Not measured: " + why;
}

void CudaLinear::begin_tuning(const LinearUse& use, size_t most_tokens) {
  if (tensor_) return tensor_->begin_tuning(most_tokens);
  measured_ = product_of(use.activation, use.residual, false);
  classes_ = token_classes(most_tokens, may_run_sparse());
  for (TokenClass& one : classes_) one.reason = not_measured();
}

void CudaLinear::tune(size_t index, Tuning& tuning) {
  if (tensor_) return tensor_->tune(index, tuning);
  TokenClass& one = classes_[index];
  for (TokenClass::End& end : one.ends) end.found = known(end.tokens, tuning);
  // One end decides nothing, so that both are measured, or none.
  if (!one.is_known() && tuning.has_budget()) {
    try {
      for (TokenClass::End& end : one.ends)
        if (!end.found) end.found = measured(end.tokens, tuning);
    } catch (const Error& error) {
      if (std::string_view(error.code()) != "OUT_OF_MEMORY") throw;
      one.reason = not_measured("the device had no memory for it.");
    }
  }
  const Found* found = one.decisive();
  if (found == nullptr) return;
  one.sparse = found->sparse_wins;
  one.reason = may_run_sparse() && !found->sparse_us
                   ? "Every sparse algorithm was refused or gave other numbers than the dense product."
                   : why_dense_ + (why_dense_.empty() ? "" : " ") + found->sentence();
}

void CudaLinear::end_tuning() {
  wants_tuning_ = false;
  const auto is_known = [](const TokenClass& one) { return one.is_known(); };
  if (!may_run_sparse() && std::none_of(classes_.begin(), classes_.end(), is_known))
    classes_ = {{.reason = classes_.front().reason}};
}

/// All but times and algorithm. What is dense alone is the same whatever its zeros are.
Measurement CudaLinear::wanted(size_t tokens) const {
  const std::string name(name_of(format_));
  return {.rows = weight_.rows,
          .columns = weight_.columns,
          .kept = may_run_sparse() ? size_t{50} : size_t{100},
          .dense = name,
          .sparse = may_run_sparse() ? "sparse " + name : "",
          .tokens = tokens,
          .dense_us = 0,
          .sparse_us = std::numeric_limits<double>::quiet_NaN(),
          .epilogue = subject().epilogue()};
}

std::optional<Found> CudaLinear::known(size_t tokens, const Tuning& tuning) const {
  const std::optional<Measurement> measurement = tuning.find(wanted(tokens));
  if (!measurement) return std::nullopt;
  std::optional<Found> found = Found::from(measurement->algorithm);
  if (!found) return std::nullopt;
  found->tokens = tokens;
  found->dense_us = measurement->dense_us;
  if (may_run_sparse()) found->sparse_us = measurement->sparse_us;
  return found;
}

/// What could not be timed is not kept.
Found CudaLinear::measured(size_t tokens, Tuning& tuning) const {
  const auto begin = std::chrono::steady_clock::now();
  const Found found = measure(context_, subject(), tokens);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  if (may_run_sparse() && !found.sparse_us) {
    tuning.spend(spent.count());
    return found;
  }
  Measurement measurement = wanted(tokens);
  measurement.dense_us = found.dense_us;
  if (found.sparse_us) measurement.sparse_us = *found.sparse_us;
  measurement.algorithm = found.algorithm();
  tuning.add(measurement, spent.count());
  return found;
}

void CudaLinear::hold_dense(bool hold) {
  held_dense_ = hold;
  context_.change();
}

void CudaLinear::revert(std::optional<size_t> tokens, const std::string& reason) {
  context_.change();
  if (tensor_) tensor_->revert(tokens, reason);
  for (TokenClass& one : classes_) {
    if (one.most() != tokens || !one.sparse) continue;
    one.sparse = false;
    one.reason = reason;
  }
}

void CudaLinear::settle() {
  context_.change();
  const auto is_sparse = [this](const TokenClass& one) { return settles_sparse(one); };
  if (std::all_of(classes_.begin(), classes_.end(), is_sparse)) {
    weight_.values = {};
    holds_dense_ = false;
  }
  if (std::none_of(classes_.begin(), classes_.end(), is_sparse)) {
    compressed_ = {};
    compressed_bytes_ = 0;
  }
}

TensorScale::Way CudaLinear::way_of(size_t tokens) const {
  const bool sparse = runs_sparse(tokens);
  return tensor_ ? tensor_->way(tokens, sparse, held_dense_) : TensorScale::Way{false, sparse};
}

bool CudaLinear::settles_sparse(const TokenClass& one) const {
  return tensor_ ? tensor_->way(one.bound, one.sparse, false).sparse : one.sparse;
}

std::optional<PackedLinear::Scales> CudaLinear::scales() const {
  return tensor_ ? std::optional(tensor_->scales()) : std::nullopt;
}

void CudaLinear::calibrate(const Calibration& seen) {
  if (!is_8_bit(format_)) return;
  context_.enter();
  const auto activation = seen.activation;
  const auto run = [this, activation](const CudaActivations& in, const CudaActivations* residual,
                                      CudaActivations& out) { run_by_token(in, activation, residual, out); };
  const auto sum = [this](const void* levels, size_t tokens, void* sums) {
    multiply(shape(false), tokens, capacity_of(tokens), levels, nullptr, sums);
  };
  const auto is_sparse = [this](size_t tokens) { return runs_sparse(tokens); };
  tensor_ = std::make_unique<TensorScale>(TensorScale::Source{context_, format_, weight_, compressed_}, seen,
                                          TensorScale::TokenForm{run, sum, is_sparse});
  wants_tuning_ = tensor_->has_form();
  context_.change();
}

void CudaLinear::hold_scaling(std::optional<Scaling> held) {
  if (tensor_) tensor_->hold(held);
  context_.change();
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

/// What a library computes of an epilogue. It adds before an activation could be computed; the residual is
/// added after it.
ProductShape CudaLinear::product_of(Activation activation, bool residual, bool sparse) const {
  ProductShape product = shape(false);
  if (is_8_bit(format_)) return product;
  product.residual = residual && activation == Activation::none;
  if (!residual && fuses(format_, activation, sparse)) product.activation = activation;
  return product;
}

/// The algorithm was chosen at another number of tokens; where it is refused here, the library's own choice.
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

std::unique_ptr<DensePlan> CudaLinear::dense_plan(const ProductShape& product, size_t capacity) const {
  const Found* found = product == measured_ ? class_of(classes_, capacity).nearest(capacity) : nullptr;
  return std::make_unique<DensePlan>(context_.dense(), context_.dense_handle(), product, capacity,
                                     weight_.bias.data(), context_.workspace(0).bytes,
                                     found ? std::optional(found->dense_algorithm) : std::nullopt);
}

void CudaLinear::multiply(const ProductShape& product, size_t tokens, size_t capacity, const void* input,
                          const void* residual, void* out) const {
  const Key key{capacity, product.residual, product.activation};
  if (runs_sparse(tokens)) {
    std::unique_ptr<SparsePlan>& plan = sparse_plans_[key];
    const Found* found = class_of(classes_, tokens).nearest(capacity);
    if (!plan) plan = sparse_plan(product, capacity, found ? found->sparse_algorithm : SparseAlgorithm{});
    plan->run({compressed_.data(), input, residual, out}, context_.workspace(plan->workspace_bytes()),
              context_.stream());
    return;
  }
  std::unique_ptr<DensePlan>& plan = dense_plans_[key];
  if (!plan) plan = dense_plan(product, capacity);
  plan->run({weight_.values.data(), input, residual, out}, dense_rows_of(tokens), context_.workspace(0),
            context_.stream());
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
  const bool plain = activation == Activation::none;
  const ProductShape product = product_of(activation, residual != nullptr, runs_sparse(in.tokens()));
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
  const auto [tensor, sparse] = way_of(in.tokens());
  const bool one_scale = in.quantised().step > 0;
  if (in.quantised().data != nullptr && one_scale != tensor)
    throw Error("INTERNAL", "The scales of a linear's inputs changed after they were stored.");
  if (tensor) return tensor_->run(in, activation, residual, out, sparse);
  run_by_token(in, activation, residual, out);
}

void CudaLinear::run_by_token(const CudaActivations& in, Activation activation,
                              const CudaActivations* residual, CudaActivations& out) const {
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

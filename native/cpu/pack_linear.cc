#include "cpu/pack_linear.h"

#include <chrono>
#include <cstdio>
#include <limits>

#include "backend/formats.h"
#include "cpu/dense_form.h"
#include "cpu/sparse_form.h"

namespace twofour::cpu {
namespace {

using Bucket = CpuLinear::Bucket;

/// Upper bounds of the token buckets but the last. Each is measured at its fewest tokens, where the sparse
/// form, which fills its vectors up with tokens, is at its worst.
constexpr size_t kBounds[] = {8, 16, 32, 48, 64, 96, 128};
constexpr size_t kBuckets = std::size(kBounds) + 1;
/// With fewer zeros than this a sparse form is not tried.
constexpr double kFewZeros = 0.3;
/// What the sparse form must win by, so that the timing's own spread does not decide.
constexpr double kMargin = 1.05;

std::optional<size_t> bound(size_t bucket) {
  return bucket < std::size(kBounds) ? std::optional(kBounds[bucket]) : std::nullopt;
}
size_t fewest_tokens(size_t bucket) { return bucket == 0 ? 1 : kBounds[bucket - 1] + 1; }

std::string percent(double fraction) { return std::to_string(static_cast<int>(fraction * 100 + 0.5)) + " %"; }

std::string times(double factor) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ×", factor);
  return text;
}

/// Packs the sparse form when it is first needed.
class Packer {
 public:
  Packer(const LinearWeights& weights, const Kernels& kernels, ThreadPool& pool, Buffers& buffers)
      : weights_(weights),
        kernels_(kernels),
        pool_(pool),
        buffers_(buffers),
        dense_(make_dense_form(weights, kernels, pool)),
        nonzeros_(dense_->nonzeros()) {}

  std::unique_ptr<CpuLinear> pack() {
    if (zeros() > 0 && weights_.sparsity == Sparsity::require)
      return only(std::move(sparse()), "Sparse forms were required.");
    if (zeros() < kFewZeros || weights_.sparsity == Sparsity::off)
      return only(std::move(dense_), why_dense());
    std::vector<Bucket> buckets;
    for (size_t i = 0; i < kBuckets; ++i) buckets.push_back(bucket(i));
    return merged(std::move(buckets));
  }

 private:
  enum Choice : size_t { kDense, kSparse };

  size_t elements() const { return weights_.weight.rows * weights_.weight.columns; }
  double zeros() const {
    const size_t all = elements();
    return all == 0 ? 0 : 1 - static_cast<double>(nonzeros_) / static_cast<double>(all);
  }
  std::string why_dense() const {
    if (zeros() == 0) return "The matrix has no zeros.";
    if (weights_.sparsity == Sparsity::off) return "Sparse forms are off.";
    return "Only " + percent(zeros()) + " of its weights are zero; a sparse form is tried from 30 %.";
  }

  std::unique_ptr<const LinearForm>& sparse() {
    if (!sparse_) sparse_ = make_sparse_form(weights_, kernels_, pool_);
    return sparse_;
  }

  Bucket bucket(size_t index) {
    const Measurement wanted{.rows = weights_.weight.rows,
                             .columns = weights_.weight.columns,
                             .kept = (20 * nonzeros_ + elements() - 1) / elements() * 5,
                             .dense = std::string(name_of(weights_.format)),
                             .sparse = kSparseName,
                             .tokens = fewest_tokens(index),
                             .dense_us = 0,
                             .sparse_us = 0};
    std::optional<Measurement> known = weights_.tuning->find(wanted);
    if (!known && weights_.tuning->has_budget()) known = measure(wanted);
    if (!known) {
      return {bound(index),
              kDense,
              {},
              {},
              "Not measured: loading had spent its time for that. `twofour tune` measures without a bound."};
    }
    const double factor = known->dense_us / known->sparse_us;
    const std::string at =
        ", measured at " + std::to_string(known->tokens) + (known->tokens == 1 ? " token." : " tokens.");
    const std::string reason = factor >= kMargin ? "Sparse is faster by " + times(factor) + at
                               : factor >= 1 ? "Sparse is faster by less than 5 %, which may be chance" + at
                                             : "Sparse is slower by " + times(1 / factor) + at;
    return {bound(index), factor >= kMargin ? kSparse : kDense, known->dense_us, known->sparse_us, reason};
  }

  Measurement measure(Measurement wanted) {
    const auto begin = std::chrono::steady_clock::now();
    Run runs[] = {run_of(*dense_, wanted.tokens), run_of(*sparse(), wanted.tokens)};
    double best[] = {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    double spent = 0;
    // The first round warms caches up. In turn, so that whatever else the machine does falls on both.
    for (int round = 0; round < 4 || (spent < 300 && round < 40); ++round) {
      for (const size_t form : {kDense, kSparse}) {
        const double us = microseconds(runs[form]);
        spent += us;
        if (round > 0) best[form] = std::min(best[form], us);
      }
    }
    wanted.dense_us = best[kDense];
    wanted.sparse_us = best[kSparse];
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    weights_.tuning->add(wanted, seconds.count());
    return wanted;
  }

  struct Run {
    const LinearForm& form;
    CpuActivations in, out;
  };
  Run run_of(const LinearForm& form, size_t tokens) {
    const unsigned storage = 1u << static_cast<unsigned>(form.reads());
    Run run{form,
            {tokens, weights_.weight.columns, storage, kernels_, buffers_},
            {tokens, weights_.weight.rows, 0, kernels_, buffers_}};
    std::fill_n(run.in.row(0), tokens * weights_.weight.columns, 0.5f);
    return run;
  }
  /// With what it costs to bring the input into the form's storage.
  double microseconds(Run& run) {
    const auto begin = std::chrono::steady_clock::now();
    finish_rows(run.in, pool_);
    run_product(run.form, run.in, {}, run.out, pool_);
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
  }

  std::unique_ptr<CpuLinear> only(std::unique_ptr<const LinearForm> form, std::string reason) {
    std::vector<std::unique_ptr<const LinearForm>> forms;
    forms.push_back(std::move(form));
    return made(std::move(forms), {{std::nullopt, 0, {}, {}, std::move(reason)}});
  }
  /// Keeps the forms that some bucket runs.
  std::unique_ptr<CpuLinear> merged(std::vector<Bucket> buckets) {
    const auto runs = [&](Choice choice) {
      return std::any_of(buckets.begin(), buckets.end(), [&](const Bucket& b) { return b.form == choice; });
    };
    std::vector<std::unique_ptr<const LinearForm>> forms;
    const bool holds_dense = runs(kDense);
    if (holds_dense) forms.push_back(std::move(dense_));
    if (runs(kSparse)) forms.push_back(std::move(sparse()));
    for (Bucket& b : buckets) b.form = holds_dense ? b.form : 0;
    return made(std::move(forms), std::move(buckets));
  }
  std::unique_ptr<CpuLinear> made(std::vector<std::unique_ptr<const LinearForm>> forms,
                                  std::vector<Bucket> buckets) const {
    return std::make_unique<CpuLinear>(weights_.weight.rows, weights_.weight.columns, nonzeros_,
                                       std::move(forms), std::move(buckets));
  }

  const LinearWeights& weights_;
  const Kernels& kernels_;
  ThreadPool& pool_;
  Buffers& buffers_;
  /// Always made: packing counts the zeros.
  std::unique_ptr<const DenseForm> dense_;
  std::unique_ptr<const LinearForm> sparse_;
  size_t nonzeros_;
};

}  // namespace

std::unique_ptr<CpuLinear> pack_linear(const LinearWeights& weights, const Kernels& kernels, ThreadPool& pool,
                                       Buffers& buffers) {
  return Packer(weights, kernels, pool, buffers).pack();
}

}  // namespace twofour::cpu

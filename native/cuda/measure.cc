#include "cuda/measure.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "cuda/buckets.h"
#include "cuda/refusal.h"
#include "cuda/sample.h"
#include "cuda/stopwatch.h"

namespace twofour::cuda {
namespace {

/// Rows at either end that are compared.
constexpr size_t kCompared = 128;
/// Ids whose ways to split the sum are tried.
constexpr size_t kPromising = 4;
/// Rows of noise; larger operands repeat them.
constexpr size_t kNoiseRows = 64;

using Product = std::function<void()>;

/// The fastest first.
template <class Algorithm>
class Candidates {
 public:
  struct One {
    Algorithm algorithm;
    double us;
  };
  void add(const Algorithm& algorithm, double us) {
    const auto slower = [&](const One& other) { return other.us > us; };
    all_.insert(std::find_if(all_.begin(), all_.end(), slower), {algorithm, us});
  }
  double least() const { return all_.empty() ? std::numeric_limits<double>::infinity() : all_.front().us; }
  const std::vector<One>& all() const { return all_; }

 private:
  std::vector<One> all_;
};

std::vector<SparseAlgorithm> splits_of(int id) {
  std::vector<SparseAlgorithm> all;
  for (const int mode : {CUSPARSELT_SPLIT_K_MODE_ONE_KERNEL, CUSPARSELT_SPLIT_K_MODE_TWO_KERNELS})
    for (const int parts : {2, 4}) all.push_back({.id = id, .split_k = parts, .split_k_mode = mode});
  for (const int mode : {CUSPARSELT_DATAPARALLEL, CUSPARSELT_SPLITK, CUSPARSELT_STREAMK})
    all.push_back({.id = id, .split_k = -1, .split_k_mode = mode});
  return all;
}

/// Everything that is measured for one product.
class Trial {
 public:
  Trial(Context& context, const Subject& subject, size_t tokens)
      : context_(context),
        subject_(subject),
        shape_(subject.dense),
        sparse_shape_(subject.sparse()),
        tokens_(tokens),
        capacity_(capacity_of(tokens)),
        stopwatch_(context) {
    input_ = filled(shape_.input_stride * bytes_of_input(shape_.format), shape_.input_stride);
    out_ = context.memory().take(capacity_ * shape_.rows * bytes_of_output(shape_.format));
    // Where it is added, its numbers are of the input's kind.
    if (shape_.residual) residual_ = filled(shape_.rows * bytes_of_input(shape_.format), shape_.rows);
  }

  Found run() {
    DensePlan dense(context_.dense(), context_.dense_handle(), shape_, tokens_, subject_.weight.bias.data(),
                    context_.workspace(0).bytes);
    const Product dense_product = [&] {
      dense.run(operands(subject_.weight.values.data()), tokens_, context_.workspace(0), context_.stream());
    };
    Found found{.tokens = tokens_};
    const std::vector<std::byte> reference = choose_dense(dense, dense_product, found);
    if (subject_.compressed == nullptr) return found;
    if (const std::unique_ptr<SparsePlan> sparse = best_sparse(reference, found))
      compare(dense_product, [&] { run_sparse(*sparse); }, found);
    return found;
  }

 private:
  Arena::Block filled(size_t line, size_t stride) {
    Arena::Block block = context_.memory().take(capacity_ * line);
    const std::vector<std::byte> rows = noise(shape_.format, stride * kNoiseRows);
    for (size_t row = 0; row < capacity_; row += kNoiseRows)
      context_.transfers().to_device(block.as<std::byte>() + row * line, rows.data(), rows.size());
    return block;
  }

  Operands operands(const void* weight) { return {weight, input_.data(), residual_.data(), out_.data()}; }

  void run_sparse(const SparsePlan& plan) {
    plan.run(operands(subject_.compressed), context_.workspace(plan.workspace_bytes()), context_.stream());
    if (sparse_shape_.activation == shape_.activation) return;
    const Word word = shape_.format == Format::float16 ? Word::float16 : Word::bfloat16;
    const Rows rows{out_.data(), word, shape_.rows, shape_.rows};
    activate(rows, shape_.activation, {}, {context_.count(tokens_), capacity_}, rows, {}, context_.stream());
  }

  /// The fastest whose output is that of the library's own choice, unless that one turns out to be as fast.
  /// Its output is the result.
  std::vector<std::byte> choose_dense(DensePlan& plan, const Product& product, Found& found) {
    Candidates<size_t> candidates;
    std::optional<size_t> first;
    for (size_t algorithm = 0; algorithm < plan.algorithms(); ++algorithm) {
      plan.choose(algorithm);
      double us = 0;
      if (!accepted([&] { us = stopwatch_.quick(product, candidates.least()); })) continue;
      if (!first) first = algorithm;
      candidates.add(algorithm, us);
    }
    plan.choose(first.value_or(0));
    product();
    const std::vector<std::byte> reference = ends();
    const size_t best = fastest_like(plan, product, candidates, *first, reference);
    plan.choose(best);
    found.place = best + 1;
    found.candidates = plan.algorithms();
    found.dense_algorithm = plan.chosen();
    for (const auto& [algorithm, us] : candidates.all())
      if (algorithm == best) found.dense_us = us;
    return reference;
  }

  size_t fastest_like(DensePlan& plan, const Product& product, const Candidates<size_t>& candidates,
                      size_t first, const std::vector<std::byte>& reference) {
    const auto with = [&](size_t algorithm) {
      return [&, algorithm] {
        plan.choose(algorithm);
        product();
      };
    };
    for (const auto& [algorithm, us] : candidates.all()) {
      if (algorithm == first) break;
      with(algorithm)();
      if (!agree(shape_.format, ends(), reference)) continue;
      if (stopwatch_.compare(with(first), with(algorithm), true).ratio > 1) return algorithm;
      break;
    }
    return first;
  }

  /// The fastest whose output is the dense one. Null: there is none.
  std::unique_ptr<SparsePlan> best_sparse(const std::vector<std::byte>& reference, Found& found) {
    Candidates<SparseAlgorithm> candidates;
    const std::unique_ptr<SparsePlan> first = planned({});
    int ids = 0;
    if (first) accepted([&] { ids = first->algorithm_ids(); });
    for (int id = 0; id < ids; ++id) time({.id = id}, candidates);
    // Ways to split the sum, for the best ids: for all of them they would take most of the time.
    auto promising = candidates.all();
    promising.resize(std::min(promising.size(), kPromising));
    for (const auto& one : promising) {
      for (const SparseAlgorithm& split : splits_of(one.algorithm.id)) time(split, candidates);
    }
    for (const auto& candidate : candidates.all()) {
      std::unique_ptr<SparsePlan> plan = planned(candidate.algorithm);
      if (!plan || !accepted([&] { run_sparse(*plan); })) continue;
      if (!agree(shape_.format, ends(), reference)) continue;
      found.sparse_algorithm = candidate.algorithm;
      return plan;
    }
    return nullptr;
  }

  void time(const SparseAlgorithm& algorithm, Candidates<SparseAlgorithm>& candidates) {
    const std::unique_ptr<SparsePlan> plan = planned(algorithm);
    double us = 0;
    const Product product = [&] { run_sparse(*plan); };
    if (plan && accepted([&] { us = stopwatch_.quick(product, candidates.least()); }))
      candidates.add(algorithm, us);
  }

  /// Null where the library refuses the combination.
  std::unique_ptr<SparsePlan> planned(const SparseAlgorithm& algorithm) const {
    std::unique_ptr<SparsePlan> plan;
    accepted([&] {
      plan =
          std::make_unique<SparsePlan>(*context_.sparse(), context_.sparse_handle(), sparse_shape_, capacity_,
                                       shape_.bias ? subject_.weight.bias.data() : nullptr, algorithm);
    });
    return plan;
  }

  /// The first and the last rows of the output.
  std::vector<std::byte> ends() {
    const size_t line = shape_.rows * bytes_of_output(shape_.format);
    const size_t rows = std::min(tokens_, kCompared);
    std::vector<std::byte> bytes(2 * rows * line);
    context_.transfers().to_host(bytes.data(), out_.data(), rows * line);
    context_.transfers().to_host(&bytes[rows * line], out_.as<std::byte>() + (tokens_ - rows) * line,
                                 rows * line);
    return bytes;
  }

  void compare(const Product& dense, const Product& sparse, Found& found) {
    const Stopwatch::Pair cold = stopwatch_.compare(dense, sparse, true);
    const Stopwatch::Pair warm = stopwatch_.compare(dense, sparse, false);
    found.dense_us = cold.first_us;
    found.sparse_us = cold.second_us;
    found.sparse_wins = cold.low_ratio > 1 && warm.low_ratio > 1;
    found.warm_ratio = warm.ratio;
  }

  Context& context_;
  const Subject& subject_;
  const ProductShape& shape_;
  const ProductShape sparse_shape_;
  size_t tokens_, capacity_;
  Stopwatch stopwatch_;
  Arena::Block input_, out_, residual_;
};

}  // namespace

ProductShape Subject::sparse() const {
  ProductShape shape = dense;
  if (!fuses(shape.format, shape.activation, true)) shape.activation = Activation::none;
  return shape;
}

std::string Subject::epilogue() const {
  std::string name = dense.bias ? "bias" : "sums";
  if (dense.residual) name += ", residual";
  if (dense.activation == Activation::relu) name += ", relu";
  if (dense.activation == Activation::gelu_tanh) name += ", gelu_tanh";
  return name;
}

Found measure(Context& context, const Subject& subject, size_t tokens) {
  return Trial(context, subject, tokens).run();
}

}  // namespace twofour::cuda

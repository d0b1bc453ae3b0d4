#include "cuda/measure.h"

#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>

#include "backend/formats.h"
#include "base/error.h"
#include "cuda/buckets.h"
#include "cuda/stopwatch.h"

namespace twofour::cuda {
namespace {

/// Rows at either end that are compared.
constexpr size_t kCompared = 128;
/// Ids whose ways to split the sum are tried.
constexpr size_t kPromising = 4;

using Product = std::function<void()>;

std::string named(const SparseAlgorithm& algorithm) {
  std::string name = "Sparse (algorithm " + std::to_string(algorithm.id);
  if (algorithm.split_k > 1) name += ", sum split in " + std::to_string(algorithm.split_k);
  if (algorithm.split_k_mode != CUSPARSELT_INVALID_MODE)
    name += ", split mode " + std::to_string(algorithm.split_k_mode);
  return name + ")";
}

std::string factor(double times) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ×", times);
  return text;
}

/// Numbers of a format between −1 and 1, as an input that makes the multipliers work.
std::vector<std::byte> noise(Format format, size_t count) {
  std::minstd_rand random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<std::byte> bytes(count * bytes_of_input(format));
  for (size_t i = 0; i < count; ++i) {
    const float x = uniform(random);
    std::byte* to = &bytes[i * bytes_of_input(format)];
    if (format == Format::bfloat16) {
      const auto bits = static_cast<uint16_t>(std::bit_cast<uint32_t>(x) >> 16);
      std::memcpy(to, &bits, sizeof bits);
    } else if (format == Format::float16) {
      const __half_raw bits(__float2half_rn(x));
      std::memcpy(to, &bits.x, sizeof bits.x);
    } else if (format == Format::int8) {
      *to = static_cast<std::byte>(static_cast<int8_t>(x * 127));
    } else {
      *to = static_cast<std::byte>(__nv_cvt_float_to_fp8(x, __NV_SATFINITE, __NV_E4M3));
    }
  }
  return bytes;
}

float number_at(Format format, const std::byte* from) {
  uint32_t word = 0;
  std::memcpy(&word, from, bytes_of_output(format));
  if (format == Format::int8) return static_cast<float>(static_cast<int32_t>(word));
  if (format == Format::bfloat16) return std::bit_cast<float>(word << 16);
  if (format == Format::float16) {
    __half_raw bits;
    bits.x = static_cast<uint16_t>(word);
    return __half2float(bits);
  }
  return std::bit_cast<float>(word);
}

/// Two sums of the same numbers in another order differ by a few units of the output's last place.
float tolerance(Format format) {
  if (format == Format::int8) return 0;
  if (format == Format::bfloat16) return 0x1p-6f;
  return format == Format::float16 ? 0x1p-9f : 0x1p-12f;
}

/// Everything that is measured for one shape.
class Trial {
 public:
  Trial(Context& context, const ProductShape& shape, const DeviceWeight& weight, const void* compressed,
        size_t tokens)
      : context_(context),
        shape_(shape),
        weight_(weight),
        compressed_(compressed),
        tokens_(tokens),
        capacity_(capacity_of(tokens)),
        stopwatch_(context) {
    const size_t line = shape.input_stride * bytes_of_input(shape.format);
    input_ = context.memory().take(capacity_ * line);
    out_ = context.memory().take(capacity_ * shape.rows * bytes_of_output(shape.format));
    const std::vector<std::byte> row_noise = noise(shape.format, shape.input_stride * 64);
    for (size_t row = 0; row < capacity_; row += 64)
      context.transfers().to_device(input_.as<std::byte>() + row * line, row_noise.data(), row_noise.size());
  }

  Found run() {
    DensePlan dense(context_.dense(), context_.dense_handle(), shape_, tokens_, weight_.bias.data(),
                    context_.workspace(0).bytes);
    const Product dense_product = [&] {
      dense.run(operands(weight_.values.data()), context_.workspace(0), context_.stream());
    };
    Found found{};
    found.dense_algorithm = best_dense(dense, dense_product);
    dense.choose(found.dense_algorithm);
    dense_product();
    const std::vector<std::byte> reference = ends();

    const std::unique_ptr<SparsePlan> sparse = best_sparse(reference, found);
    if (!sparse) {
      found.reason = "Every sparse algorithm was refused or gave other numbers than the dense product.";
      return found;
    }
    const Product sparse_product = [&] { run_sparse(*sparse); };
    compare(dense_product, sparse_product, found);
    return found;
  }

 private:
  Operands operands(const void* weight) { return {weight, input_.data(), out_.data(), out_.data()}; }
  void run_sparse(const SparsePlan& plan) {
    plan.run(operands(compressed_), context_.workspace(plan.workspace_bytes()), context_.stream());
  }

  size_t best_dense(DensePlan& plan, const Product& product) {
    size_t best = 0;
    double least = 0;
    for (size_t algorithm = 0; algorithm < plan.algorithms(); ++algorithm) {
      plan.choose(algorithm);
      const double us = stopwatch_.quick(product);
      if (algorithm == 0 || us < least) best = algorithm, least = us;
    }
    return best;
  }

  struct Candidate {
    SparseAlgorithm algorithm;
    double us;
  };

  /// The fastest whose output is the dense one. Null: there is none.
  std::unique_ptr<SparsePlan> best_sparse(const std::vector<std::byte>& reference, Found& found) {
    std::vector<Candidate> candidates;
    const std::unique_ptr<SparsePlan> first = planned({});
    int ids = 0;
    if (first) accepted([&] { ids = first->algorithm_ids(); });
    for (int id = 0; id < ids; ++id) time({.id = id}, candidates);
    // Ways to split the sum, for the best ids: for all of them they would take most of the time.
    std::vector<Candidate> promising = candidates;
    promising.resize(std::min(promising.size(), kPromising));
    for (const Candidate& one : promising) {
      for (const SparseAlgorithm& split : splits_of(one.algorithm.id)) time(split, candidates);
    }
    for (const Candidate& candidate : candidates) {
      std::unique_ptr<SparsePlan> plan = planned(candidate.algorithm);
      if (!plan || !accepted([&] { run_sparse(*plan); }) || !agrees(ends(), reference)) continue;
      found.sparse_algorithm = candidate.algorithm;
      return plan;
    }
    return nullptr;
  }

  /// Into its place among the others, the fastest first.
  void time(const SparseAlgorithm& algorithm, std::vector<Candidate>& candidates) {
    const std::unique_ptr<SparsePlan> plan = planned(algorithm);
    Candidate candidate{algorithm, 0};
    if (!plan || !accepted([&] { candidate.us = stopwatch_.quick([&] { run_sparse(*plan); }); })) return;
    const auto slower = [&](const Candidate& other) { return other.us > candidate.us; };
    candidates.insert(std::find_if(candidates.begin(), candidates.end(), slower), candidate);
  }

  static std::vector<SparseAlgorithm> splits_of(int id) {
    std::vector<SparseAlgorithm> all;
    for (const int mode : {CUSPARSELT_SPLIT_K_MODE_ONE_KERNEL, CUSPARSELT_SPLIT_K_MODE_TWO_KERNELS})
      for (const int parts : {2, 4}) all.push_back({.id = id, .split_k = parts, .split_k_mode = mode});
    for (const int mode : {CUSPARSELT_DATAPARALLEL, CUSPARSELT_SPLITK, CUSPARSELT_STREAMK})
      all.push_back({.id = id, .split_k = -1, .split_k_mode = mode});
    return all;
  }

  /// Null where the library refuses the combination.
  std::unique_ptr<SparsePlan> planned(const SparseAlgorithm& algorithm) const {
    std::unique_ptr<SparsePlan> plan;
    accepted([&] {
      plan = std::make_unique<SparsePlan>(*context_.sparse(), context_.sparse_handle(), shape_, capacity_,
                                          shape_.bias ? weight_.bias.data() : nullptr, algorithm);
    });
    return plan;
  }

  /// False where the library refused, which it may with an algorithm.
  template <class Body>
  static bool accepted(Body&& body) {
    try {
      body();
      return true;
    } catch (const Error& error) {
      if (std::string_view(error.code()) != "CUDA_LIBRARY_FAILED") throw;
      return false;
    }
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

  bool agrees(const std::vector<std::byte>& bytes, const std::vector<std::byte>& reference) const {
    const size_t width = bytes_of_output(shape_.format);
    float largest = 0, difference = 0;
    for (size_t at = 0; at < bytes.size(); at += width) {
      const float wanted = number_at(shape_.format, &reference[at]),
                  got = number_at(shape_.format, &bytes[at]);
      largest = std::max(largest, std::fabs(wanted));
      if (!(std::fabs(got - wanted) <= difference)) difference = std::fabs(got - wanted);
      if (std::isnan(difference)) return false;
    }
    return difference <= tolerance(shape_.format) * largest;
  }

  void compare(const Product& dense, const Product& sparse, Found& found) {
    const Stopwatch::Pair cold = stopwatch_.compare(dense, sparse, true);
    const Stopwatch::Pair warm = stopwatch_.compare(dense, sparse, false);
    found.dense_us = cold.first_us;
    found.sparse_us = cold.second_us;
    found.sparse_wins = cold.low_ratio > 1 && warm.low_ratio > 1;
    const std::string at = ", measured at " + std::to_string(tokens_) +
                           (tokens_ == 1 ? " token" : " tokens") + ": with warm caches " +
                           factor(warm.ratio) + ".";
    found.reason =
        found.sparse_wins ? named(found.sparse_algorithm) + " is faster by " + factor(cold.ratio) + at
        : cold.ratio >= 1 ? named(found.sparse_algorithm) + " is faster by " + factor(cold.ratio) +
                                ", within the spread" + at
                          : named(found.sparse_algorithm) + " is slower by " + factor(1 / cold.ratio) + at;
  }

  Context& context_;
  const ProductShape& shape_;
  const DeviceWeight& weight_;
  const void* compressed_;
  size_t tokens_, capacity_;
  Stopwatch stopwatch_;
  Arena::Block input_, out_;
};

}  // namespace

std::string Found::algorithm() const {
  char text[96];
  std::snprintf(text, sizeof text, "dense %zu, sparse %d split %d mode %d, %s", dense_algorithm,
                sparse_algorithm.id, sparse_algorithm.split_k, sparse_algorithm.split_k_mode,
                sparse_wins ? "sparse wins" : "dense wins");
  return text;
}

std::optional<Found> Found::from(const std::string& algorithm, double dense_us, double sparse_us,
                                 size_t tokens) {
  Found found{};
  found.dense_us = dense_us;
  found.sparse_us = sparse_us;
  char verdict[8] = {};
  const int read =
      std::sscanf(algorithm.c_str(), "dense %zu, sparse %d split %d mode %d, %7s wins",
                  &found.dense_algorithm, &found.sparse_algorithm.id, &found.sparse_algorithm.split_k,
                  &found.sparse_algorithm.split_k_mode, verdict);
  if (read != 5) return std::nullopt;
  found.sparse_wins = std::string_view(verdict) == "sparse";
  const double ratio = dense_us / sparse_us;
  const std::string at = ", measured at " + std::to_string(tokens) + (tokens == 1 ? " token." : " tokens.");
  found.reason = found.sparse_wins ? named(found.sparse_algorithm) + " is faster by " + factor(ratio) + at
                 : ratio >= 1 ? named(found.sparse_algorithm) + " is not faster by more than the spread" + at
                              : named(found.sparse_algorithm) + " is slower by " + factor(1 / ratio) + at;
  return found;
}

Found measure(Context& context, const ProductShape& shape, const DeviceWeight& weight, const void* compressed,
              size_t tokens) {
  return Trial(context, shape, weight, compressed, tokens).run();
}

}  // namespace twofour::cuda

#pragma once
#include <algorithm>
#include <string>

#include "base/thread_pool.h"
#include "cpu/activations.h"

namespace twofour::cpu {

/// Tokens [begin, begin + tokens) of y = activation(x Wᵀ + b) + r, against one of `parts` parts of W's rows.
struct Product {
  const CpuActivations& in;
  const Epilogue& epilogue;
  CpuActivations& out;
  size_t begin, tokens;
  size_t part, parts;
};

/// One way in which a matrix is held and multiplied. Immutable; `multiply` writes fp32 rows only and may run
/// on several threads, on different products.
class LinearForm {
 public:
  virtual ~LinearForm() = default;
  virtual std::string name() const = 0;
  /// What a user should know of how it is computed: a sentence, or nothing.
  virtual std::string note() const { return {}; }
  virtual size_t bytes() const = 0;
  /// What it reads of its input.
  virtual Storage reads() const = 0;
  /// Tokens of one product; the last of a batch may have fewer.
  virtual size_t token_block() const = 0;
  /// Into how many parts the rows can be split.
  virtual size_t most_parts() const = 0;
  virtual void multiply(const Product& product) const = 0;
};

/// y = activation(x Wᵀ + b) + r over all tokens, in all storages that `out` has.
void run_product(const LinearForm& form, const CpuActivations& in, const Epilogue& epilogue,
                 CpuActivations& out, ThreadPool& pool);

/// Runs body(begin, end), which writes these rows of `out`, over all of them, and finishes them while they
/// are in the cache.
template <class Body>
void make_rows(CpuActivations& out, ThreadPool& pool, const Body& body) {
  const size_t block = out.row_block();
  pool.run((out.tokens() + block - 1) / block, [&](size_t index, size_t) {
    const size_t begin = index * block, end = std::min(begin + block, out.tokens());
    body(begin, end);
    out.finish(begin, end);
  });
}

/// For verbs whose tasks make parts of rows.
inline void finish_rows(CpuActivations& out, ThreadPool& pool) {
  if (out.derived()) make_rows(out, pool, [](size_t, size_t) {});
}

}  // namespace twofour::cpu

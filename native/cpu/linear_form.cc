#include "cpu/linear_form.h"

namespace twofour::cpu {
namespace {
/// Multiply-adds below which waking other threads costs more than they save.
constexpr size_t kSmallWork = size_t{1} << 18;
/// At least so many, so that the last ones, in which some threads have nothing to do, are short.
constexpr size_t kTasksPerThread = 6;
}  // namespace

void run_product(const LinearForm& form, const CpuActivations& in, const Epilogue& epilogue,
                 CpuActivations& out, ThreadPool& pool) {
  const size_t tokens = in.tokens(), block = form.token_block(), most = form.most_parts();
  if (tokens == 0 || most == 0) return;
  const size_t blocks = (tokens + block - 1) / block;
  const bool small = tokens * out.width() * std::max<size_t>(in.width(), 1) < kSmallWork;
  const size_t parts = small ? 1 : std::min(most, (pool.size() * kTasksPerThread + blocks - 1) / blocks);
  pool.run(blocks * parts, [&](size_t task, size_t) {
    const size_t begin = task / parts * block;
    form.multiply({.in = in,
                   .epilogue = epilogue,
                   .out = out,
                   .begin = begin,
                   .tokens = std::min(block, tokens - begin),
                   .part = task % parts,
                   .parts = parts});
  });
  finish_rows(out, pool);
}

}  // namespace twofour::cpu

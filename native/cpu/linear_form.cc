#include "cpu/linear_form.h"

namespace twofour::cpu {
namespace {
/// Multiply-adds below which waking other threads costs more than they save.
constexpr size_t kSmallWork = size_t{1} << 18;
}  // namespace

void run_product(const LinearForm& form, const CpuActivations& in, const Epilogue& epilogue,
                 CpuActivations& out, ThreadPool& pool) {
  const size_t tokens = in.tokens(), block = form.token_block(), most = form.most_parts();
  if (tokens == 0 || most == 0) return;
  const size_t blocks = (tokens + block - 1) / block;
  const bool small = tokens * out.width() * std::max<size_t>(in.width(), 1) < kSmallWork;
  const size_t wanted = small ? 1 : std::max<size_t>(1, pool.size() * 4 / blocks);
  const size_t parts = std::min(most, wanted);
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

#include "cpu/cpu_analysis.h"

#include <cstring>

#include "algebra/products.h"
#include "cpu/device_objects.h"
#include "cpu/linear_form.h"

namespace twofour::cpu {

void CpuAnalysis::add_products(const Activations& a, const Activations& b, std::span<float> sums) {
  algebra::add_transposed_product(own(a).row(0), a.width(), own(b).row(0), b.width(), a.tokens(), a.width(),
                                  b.width(), 1.0f, sums.data(), b.width(), pool_);
}

void CpuAnalysis::activate(const Activations& in, Activation activation, Activations& out) {
  make_rows(own(out), pool_, [&](size_t begin, size_t end) {
    const size_t count = (end - begin) * in.width();
    kernels_.activate(activation, own(in).row(begin), count, own(out).row(begin));
  });
}

void CpuAnalysis::scale_groups(const Activations& in, std::span<const float> factors, size_t group,
                               Activations& out) {
  make_rows(own(out), pool_, [&](size_t begin, size_t end) {
    for (size_t token = begin; token < end; ++token) {
      const float* from = own(in).row(token);
      float* to = own(out).row(token);
      for (size_t g = 0; g < factors.size(); ++g) {
        for (size_t i = g * group; i < (g + 1) * group; ++i) to[i] = from[i] * factors[g];
      }
    }
  });
}

void CpuAnalysis::add(const Activations& a, const Activations& b, Activations& out) {
  make_rows(own(out), pool_, [&](size_t begin, size_t end) {
    const float *x = own(a).row(begin), *y = own(b).row(begin);
    float* to = own(out).row(begin);
    for (size_t i = 0; i < (end - begin) * out.width(); ++i) to[i] = x[i] + y[i];
  });
}

void CpuAnalysis::attention_probabilities(const Batch& batch, size_t sequence, const Activations& qkv,
                                          const Attention& attention, std::span<float> out) {
  const auto begin = static_cast<size_t>(own(batch).offsets[sequence]);
  const size_t tokens = static_cast<size_t>(own(batch).offsets[sequence + 1]) - begin;
  const size_t heads = attention.heads, size = attention.head_size;
  if (tokens == 0) return;
  pool_.run(heads, [&](size_t head, size_t worker) {
    const float* query = own(qkv).row(begin) + head * size;
    kernels_.probabilities({
        .tokens = tokens,
        .head_size = size,
        .stride = 3 * heads * size,
        .query = query,
        .key = query + heads * size,
        .value = nullptr,
        .output = out.data() + head * tokens * tokens,
        .output_stride = tokens,
        .scale = attention.scale,
        .bias = centred_bias(attention, head),
        .scratch = scratch_.of(worker, kernels_.attention_scratch(tokens, size)),
    });
  });
}

}  // namespace twofour::cpu

#include "cpu/cpu_analysis.h"
#include "cpu/device_objects.h"
#include "cpu/linear_form.h"

namespace twofour::cpu {

void CpuAnalysis::activate_backward(const Activations& in, Activation activation, const Activations& gradient,
                                    Activations& out) {
  make_rows(own(out), pool_, [&](size_t begin, size_t end) {
    kernels_.activate_backward(activation, own(in).row(begin), own(gradient).row(begin),
                               (end - begin) * in.width(), own(out).row(begin));
  });
}

void CpuAnalysis::dot_groups(const Activations& a, const Activations& b, size_t group, Activations& out) {
  make_rows(own(out), pool_, [&](size_t begin, size_t end) {
    kernels_.dot_groups(own(a).row(begin), own(b).row(begin), group, (end - begin) * out.width(),
                        own(out).row(begin));
  });
}

void CpuAnalysis::layer_norm_backward(const Activations& in, const Norm& norm, const Activations& gradient,
                                      Activations& out) {
  const CpuNorm& values = own(norm);
  make_rows(own(out), pool_, [&](size_t begin, size_t end) {
    for (size_t token = begin; token < end; ++token) {
      kernels_.layer_norm_backward(own(in).row(token), values.gain.data(), values.epsilon,
                                   own(gradient).row(token), in.width(), own(out).row(token));
    }
  });
}

void CpuAnalysis::attention_backward(const Batch& batch, const Activations& qkv, const Attention& attention,
                                     const Activations& gradient, Activations& out) {
  const std::vector<int32_t>& offsets = own(batch).offsets;
  const size_t heads = attention.heads, size = attention.head_size, model = heads * size;
  if (model == 0) return;
  pool_.run((offsets.size() - 1) * heads, [&](size_t task, size_t worker) {
    const size_t sequence = task / heads, first = task % heads * size;
    const auto begin = static_cast<size_t>(offsets[sequence]);
    const size_t tokens = static_cast<size_t>(offsets[sequence + 1]) - begin;
    if (tokens == 0) return;
    const float* query = own(qkv).row(begin) + first;
    float* query_out = own(out).row(begin) + first;
    kernels_.attention_backward({
        .tokens = tokens,
        .head_size = size,
        .stride = 3 * model,
        .query = query,
        .key = query + model,
        .value = query + 2 * model,
        .gradient = own(gradient).row(begin) + first,
        .gradient_stride = model,
        .query_out = query_out,
        .key_out = query_out + model,
        .value_out = query_out + 2 * model,
        .scale = attention.scale,
        .bias = centred_bias(attention, task % heads),
        .scratch = scratch_.of(worker, kernels_.attention_backward_scratch(tokens, size)),
    });
  });
  finish_rows(own(out), pool_);
}

}  // namespace twofour::cpu

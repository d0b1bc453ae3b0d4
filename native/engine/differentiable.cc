#include "engine/differentiable.h"

#include "engine/gradient_pass.h"

namespace twofour {
namespace {

std::optional<GateSums> sums_of(const GradientRequest& request, const EncoderSpec& spec, bool wanted,
                                bool heads) {
  if (!wanted) return std::nullopt;
  std::vector<size_t> widths;
  for (const LayerSpec& layer : spec.layers) widths.push_back(heads ? layer.heads.size() : layer.inner);
  const size_t examples = request.sequences.count() / request.loss->sequences_per_example();
  return GateSums(GateLayout(spec.layers, widths, request.shared), examples, request.batches.size() - 1,
                  request.rows);
}

size_t bytes_of(const PackedLinear& linear) {
  size_t bytes = 0;
  for (const PackedLinear::Form& form : linear.forms()) bytes += form.bytes;
  return bytes;
}

}  // namespace

GradientResult Differentiable::gradients(const GradientRequest& request, Control& control) const {
  std::optional<GateSums> heads = sums_of(request, model_.spec, request.heads, true),
                          neurons = sums_of(request, model_.spec, request.neurons, false);
  WeightSums weights(request.weights, model_);
  GradientResult result;
  result.losses.resize(request.sequences.count() / request.loss->sequences_per_example());
  const GradientPass pass(model_, request, heads ? &*heads : nullptr, neurons ? &*neurons : nullptr, weights,
                          result.losses);

  for (size_t batch = 0; batch + 1 < request.batches.size(); ++batch) {
    const auto first = static_cast<size_t>(request.batches[batch]),
               last = static_cast<size_t>(request.batches[batch + 1]);
    const size_t tokens =
        request.loss->of_minibatch() ? request.sequences.ids.size() : model_.backend.pass_tokens();
    const std::vector<size_t> cuts =
        cut(request.sequences, first, last, request.loss->sequences_per_example(), tokens);
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
      control.report(cuts[i], request.sequences.count());
      pass.run(cuts[i], cuts[i + 1], control);
    }
    if (heads) heads->end_batch();
    if (neurons) neurons->end_batch();
  }
  if (heads) result.heads = heads->take();
  if (neurons) result.neurons = neurons->take();
  result.weights = weights.take();
  return result;
}

size_t Differentiable::bytes() const {
  size_t bytes = model_.weights.other_bytes();
  for (const auto& [name, linear] : model_.weights.linears()) bytes += bytes_of(*linear);
  for (const auto& [set, layer] : model_.transposed.sets) {
    for (const auto& linear :
         {layer.query_key_value.get(), layer.attention_output.get(), layer.ffn_in.get(), layer.ffn_out.get()})
      bytes += bytes_of(*linear);
  }
  for (const PackedLinear* linear : {model_.transposed.pooler.get(), model_.transposed.head_transform.get(),
                                     model_.transposed.head_output.get()})
    bytes += linear == nullptr ? 0 : bytes_of(*linear);
  return bytes;
}

}  // namespace twofour

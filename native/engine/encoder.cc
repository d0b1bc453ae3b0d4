#include "engine/encoder.h"

#include <algorithm>

#include "engine/forward.h"

namespace twofour {

Encoder::Encoder(EncoderSpec spec, const WeightSources& sources, const PackSettings& settings,
                 Backend& backend, size_t max_tokens, Control& control)
    : spec_(std::move(spec)),
      backend_(backend),
      max_tokens_(std::min(max_tokens, backend.pass_tokens())),
      weights_(load_weights(spec_, sources, settings, backend, control)) {}

RunOutputs Encoder::run(const RunRequest& request, Control& control) const {
  const size_t sequences = request.offsets.size() - 1, tokens = request.ids.size();
  RunOutputs outputs;
  if (request.last_hidden_state) outputs.last_hidden_state.resize(tokens * spec_.hidden);
  if (request.pooled) outputs.pooled.resize(sequences * spec_.hidden);
  if (request.sentence) outputs.sentence.resize(sequences * spec_.hidden);
  if (request.logits) {
    const size_t all = spec_.head->input == HeadInput::tokens ? tokens : sequences;
    outputs.logits.resize((request.logit_rows ? request.logit_rows->size() : all) * spec_.head->labels);
  }
  if (request.hidden_states) {
    outputs.hidden_states.resize(spec_.layers.size() / spec_.layers_per_state + 1);
    for (std::vector<float>& state : outputs.hidden_states) state.resize(tokens * spec_.hidden);
  }

  const Forward forward(spec_, weights_, backend_, control);
  for (size_t first = 0; first < sequences;) {
    size_t last = first + 1;
    const auto room = [&](size_t end) {
      return static_cast<size_t>(request.offsets[end] - request.offsets[first]);
    };
    while (last < sequences && room(last + 1) <= max_tokens_) ++last;
    control.report(static_cast<size_t>(request.offsets[first]), tokens);
    forward.run(request, first, last, outputs);
    first = last;
  }
  return outputs;
}

}  // namespace twofour

#include "engine/encoder.h"

#include <algorithm>

#include "engine/calibrate.h"
#include "engine/confirm.h"
#include "engine/forward.h"
#include "engine/uses.h"

namespace twofour {
namespace {

constexpr size_t kMergeTokens = 4096;

void size_outputs(const EncoderSpec& spec, const RunRequest& request, RunOutputs& outputs) {
  const size_t sequences = request.offsets.size() - 1, tokens = request.ids.size();
  if (request.last_hidden_state) outputs.last_hidden_state.resize(tokens * spec.hidden);
  if (request.pooled) outputs.pooled.resize(sequences * spec.hidden);
  if (request.sentence) outputs.sentence.resize(sequences * request.sentence->poolings.size() * spec.hidden);
  if (request.logits) {
    const size_t all = spec.head->input == HeadInput::tokens ? tokens : sequences;
    outputs.logits.resize((request.logit_rows ? request.logit_rows->size() : all) * spec.head->labels);
  }
  if (request.hidden_states) {
    outputs.hidden_states.resize(spec.layers.size() / spec.layers_per_state + 1);
    for (std::vector<float>& state : outputs.hidden_states) state.resize(tokens * spec.hidden);
  }
}

}  // namespace

Encoder::Encoder(EncoderSpec spec, const WeightSources& sources, const PackSettings& settings,
                 Backend& backend, size_t max_tokens, Control& control)
    : spec_(std::move(spec)),
      backend_(backend),
      pass_tokens_(std::min(max_tokens, backend.pass_tokens())),
      merge_tokens_(std::min(max_tokens, std::max(kMergeTokens, backend.pass_tokens()))),
      weights_(load_weights(spec_, sources, settings, backend, control)) {
  if (settings.tuning != nullptr)
    backend.tune(uses_of(spec_, weights_), pass_tokens_, *settings.tuning, [&] { control.check(); });
  if (settings.sample != nullptr) calibrated_ = calibrate(*this, sources, settings, backend, control);
  if (settings.sparsity == Sparsity::automatic && backend.wants_confirmation())
    confirm_choices(*this, backend, control);
}

void Encoder::run(std::span<const Member> members, Control& control, Watch* watch) const {
  size_t total = 0, done = 0;
  for (const Member& member : members) {
    size_outputs(spec_, *member.request, *member.outputs);
    total += member.request->ids.size();
  }

  const Forward forward(spec_, weights_, backend_, control, watch);
  std::vector<Piece> pass;
  size_t tokens = 0;
  const auto compute = [&] {
    if (pass.empty()) return;
    control.report(done, total);
    forward.run(pass);
    done += tokens;
    pass.clear();
    tokens = 0;
  };
  for (const auto& [request, outputs] : members) {
    for (size_t sequence = 0; sequence + 1 < request->offsets.size(); ++sequence) {
      const auto length = static_cast<size_t>(request->offsets[sequence + 1] - request->offsets[sequence]);
      if (tokens + length > pass_tokens_) compute();
      if (pass.empty() || pass.back().outputs != outputs)
        pass.push_back({request, outputs, sequence, sequence});
      ++pass.back().last;
      tokens += length;
    }
  }
  compute();
}

}  // namespace twofour

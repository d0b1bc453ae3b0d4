#include "engine/confirm.h"

#include <algorithm>
#include <cstdio>
#include <map>

namespace twofour {
namespace {

constexpr int kRounds = 7;
constexpr size_t kSequence = 128;

using Class = std::optional<size_t>;
/// The open class last.
struct ByTokens {
  bool operator()(const Class& a, const Class& b) const { return a && (!b || *a < *b); }
};
using Classes = std::map<Class, std::vector<PackedLinear*>, ByTokens>;

/// Classes in which a matrix runs another form than the first, which is the dense one.
Classes sparse_classes(const EncoderWeights& weights) {
  Classes classes;
  for (const EncoderWeights::Named& named : weights.linears()) {
    const std::vector<PackedLinear::Form> forms = named.linear->forms();
    for (const PackedLinear::Choice& choice : named.linear->choices()) {
      if (forms.size() > 1 && choice.form != forms.front().name)
        classes[choice.tokens].push_back(named.linear);
    }
  }
  return classes;
}

/// Sequences of one id, `tokens` in all.
RunRequest request_of(const EncoderSpec& spec, size_t tokens) {
  RunRequest request;
  request.ids.assign(tokens, 0);
  const size_t length = std::min(kSequence, spec.positions);
  for (size_t begin = 0; begin < tokens; begin += length)
    request.offsets.push_back(static_cast<int32_t>(begin));
  request.offsets.push_back(static_cast<int32_t>(tokens));
  // Small, and waited for.
  request.sentence = RunRequest::Sentence{{Pooling::cls}, false, 0};
  return request;
}

class PassTimer {
 public:
  PassTimer(const Encoder& encoder, Backend& backend) : encoder_(encoder), backend_(backend) {
    for (const EncoderWeights::Named& named : encoder.weights().linears()) linears_.push_back(named.linear);
  }
  ~PassTimer() { hold(false); }
  PassTimer(const PassTimer&) = delete;
  PassTimer& operator=(const PassTimer&) = delete;

  double seconds(const RunRequest& request, bool dense) {
    hold(dense);
    RunOutputs outputs;
    const Encoder::Member member{&request, &outputs};
    // Not the load's, to which this is no progress.
    Control control;
    return backend_.seconds([&] { encoder_.run({&member, 1}, control); });
  }

 private:
  void hold(bool dense) {
    for (PackedLinear* linear : linears_) linear->hold_dense(dense);
  }

  const Encoder& encoder_;
  Backend& backend_;
  std::vector<PackedLinear*> linears_;
};

/// Dense over sparse time, the median of rounds that ran both.
double ratio_at(PassTimer& timer, const RunRequest& request) {
  timer.seconds(request, true);
  timer.seconds(request, false);
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    const bool dense_first = round % 2 == 0;
    const double first = timer.seconds(request, dense_first), second = timer.seconds(request, !dense_first);
    ratios.push_back(dense_first ? first / second : second / first);
  }
  std::nth_element(ratios.begin(), ratios.begin() + kRounds / 2, ratios.end());
  return ratios[kRounds / 2];
}

std::string why_reverted(double ratio, size_t tokens) {
  char text[160];
  std::snprintf(
      text, sizeof text,
      "Alone the sparse product is faster, but the whole encoder took %.2f × as long with it, measured at "
      "%zu tokens.",
      1 / ratio, tokens);
  return text;
}

}  // namespace

void confirm_choices(const Encoder& encoder, Backend& backend, Control& control) {
  PassTimer timer(encoder, backend);
  for (const auto& [bound, linears] : sparse_classes(encoder.weights())) {
    control.check();
    const size_t tokens = std::min(bound.value_or(encoder.pass_tokens()), encoder.pass_tokens());
    const double ratio = ratio_at(timer, request_of(encoder.spec(), tokens));
    if (ratio >= 1) continue;
    for (PackedLinear* linear : linears) linear->revert(bound, why_reverted(ratio, tokens));
  }
  for (const EncoderWeights::Named& named : encoder.weights().linears()) named.linear->settle();
}

}  // namespace twofour

#include "engine/calibrate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/uses.h"

namespace twofour {
namespace {

/// Of the sample, for the errors.
constexpr size_t kRows = 128;

/// What went into one linear.
struct Seen {
  float largest = 0;
  Activation activation = Activation::none;
  bool residual = false;
  std::vector<float> rows{};  ///< [some, columns]

  size_t count(const PackedLinear& linear) const { return rows.size() / linear.columns(); }
};

class Notes final : public Watch {
 public:
  Notes(Backend& backend, size_t tokens, const Control& control)
      : backend_(backend), tokens_(tokens), control_(control) {}

  void before(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue) override {
    control_.check();
    if (linear.rows() == 0 || linear.columns() == 0) return;
    Seen& seen = seen_[&linear];
    seen.activation = epilogue.activation;
    seen.residual = epilogue.residual != nullptr;
    const float largest = backend_.largest(in);
    seen.largest = std::isfinite(largest) ? std::max(seen.largest, largest) : largest;
    keep_rows(in, seen.rows);
  }
  const Seen* of(const PackedLinear& linear) const {
    const auto found = seen_.find(&linear);
    return found == seen_.end() ? nullptr : &found->second;
  }

 private:
  void keep_rows(const Activations& in, std::vector<float>& rows) const {
    const size_t wanted = std::max<size_t>(kRows * in.tokens() / tokens_, 1);
    std::vector<int32_t> indices;
    for (size_t i = 0; i < std::min(wanted, in.tokens()); ++i)
      indices.push_back(static_cast<int32_t>(i * in.tokens() / wanted));
    const auto some = backend_.activations(indices.size(), in.width(), {.linears = {}, .plain = true});
    backend_.gather(in, indices, *some);
    rows.resize(rows.size() + indices.size() * in.width());
    backend_.download(*some, std::span(rows).last(indices.size() * in.width()));
  }

  Backend& backend_;
  size_t tokens_;
  const Control& control_;
  std::map<const PackedLinear*, Seen> seen_;
};

std::vector<float> outputs(Backend& backend, const PackedLinear& linear, const Seen& seen) {
  const PackedLinear* const readers[] = {&linear};
  const size_t count = seen.count(linear);
  const auto in = backend.activations(count, linear.columns(), {.linears = readers});
  const auto out = backend.activations(count, linear.rows(), {.linears = {}, .plain = true});
  backend.upload(seen.rows, *in);
  backend.linear(linear, *in, {}, *out);
  std::vector<float> values(count * linear.rows());
  backend.download(*out, values);
  return values;
}

/// Of the difference's norm to the wanted one's.
double error_of(const std::vector<float>& got, const std::vector<float>& wanted) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    difference += std::pow(static_cast<double>(got[i]) - wanted[i], 2);
    norm += std::pow(static_cast<double>(wanted[i]), 2);
  }
  return norm > 0 ? std::sqrt(difference / norm) : 0;
}

Calibrated errors_of(PackedLinear& linear, const PackedLinear& plain, const Seen& seen, Backend& backend) {
  const std::vector<float> wanted = outputs(backend, plain, seen);
  Calibrated errors{.largest = seen.largest, .token_error = 0, .tensor_error = {}};
  linear.hold_scaling(Scaling::token);
  errors.token_error = error_of(outputs(backend, linear, seen), wanted);
  if (linear.scales()->has_tensor) {
    linear.hold_scaling(Scaling::tensor);
    errors.tensor_error = error_of(outputs(backend, linear, seen), wanted);
  }
  linear.hold_scaling(std::nullopt);
  return errors;
}

struct Name {
  std::string prefix;  ///< "layers.0."
  std::vector<std::string> slots;

  std::vector<std::string> whole() const {
    std::vector<std::string> all;
    for (const std::string& slot : slots) all.push_back(prefix + slot);
    return all;
  }
};

/// As EncoderWeights::linears makes them; without slots where it is none of a layer's.
Name parsed(const std::string& name) {
  const size_t dot = name.rfind('.');
  if (!name.starts_with("layers.")) return {};
  Name parts{name.substr(0, dot + 1), {}};
  for (size_t begin = dot + 1, end = begin; end < name.size(); begin = end + 1) {
    end = std::min(name.find('+', begin), name.size());
    parts.slots.push_back(name.substr(begin, end - begin));
  }
  return parts;
}

}  // namespace

std::map<std::string, Calibrated> calibrate(const Encoder& encoder, const WeightSources& sources,
                                            const PackSettings& settings, Backend& backend,
                                            Control& control) {
  Notes notes(backend, settings.sample->ids.size(), control);
  RunOutputs outputs;
  const Encoder::Member member{settings.sample, &outputs};
  // Not the load's, to which this is no progress.
  Control quiet;
  encoder.run({&member, 1}, quiet, &notes);

  const std::vector<EncoderWeights::Named> linears = encoder.weights().linears();
  for (const auto& [name, linear] : linears) {
    control.check();
    const std::vector<std::string> slots = parsed(name).slots;
    const Seen* seen = notes.of(*linear);
    if (seen == nullptr || slots.empty() || !settings.is_8_bit(slots)) continue;
    linear->calibrate({.largest = seen->largest, .activation = seen->activation, .residual = seen->residual});
  }
  backend.tune(uses_of(encoder.spec(), encoder.weights()), encoder.pass_tokens(), *settings.tuning,
               [&] { control.check(); });

  std::map<std::string, Calibrated> all;
  for (const auto& [name, linear] : linears) {
    control.check();
    if (!linear->scales()) continue;
    const std::unique_ptr<PackedLinear> plain = load_plain(sources, parsed(name).whole(), backend);
    all.emplace(name, errors_of(*linear, *plain, *notes.of(*linear), backend));
  }
  return all;
}

}  // namespace twofour

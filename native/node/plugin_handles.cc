#include "node/plugin_handles.h"

#include <cmath>

#include "node/plugin_call.h"

namespace twofour::node {
namespace {

std::optional<size_t> bound_of(size_t tokens) { return tokens == 0 ? std::nullopt : std::optional(tokens); }

std::optional<double> known(double microseconds) {
  return std::isnan(microseconds) ? std::nullopt : std::optional(microseconds);
}

}  // namespace

struct PluginLinear::Description {
  static Description& of(void* context) { return *static_cast<Description*>(context); }
  static plugin::Answer add_form(void* context, const plugin::Form* form) {
    return of(context).thrown.answer([&] { of(context).forms.push_back({form->name, form->bytes}); });
  }
  static plugin::Answer add_choice(void* context, const plugin::Choice* choice) {
    return of(context).thrown.answer([&] {
      of(context).choices.push_back({bound_of(choice->tokens), choice->form, known(choice->dense_us),
                                     known(choice->sparse_us), choice->reason});
    });
  }
  static plugin::Answer add_scales(void* context, bool has_tensor, const char* reason) {
    return of(context).thrown.answer([&] { of(context).scales = Scales{has_tensor, reason, {}}; });
  }
  static plugin::Answer add_scale_choice(void* context, const plugin::ScaleChoice* choice) {
    return of(context).thrown.answer([&] {
      of(context).scales->choices.push_back({bound_of(choice->tokens), static_cast<Scaling>(choice->chosen),
                                             known(choice->token_us), known(choice->tensor_us),
                                             choice->reason});
    });
  }
  std::vector<Form> forms;
  std::vector<Choice> choices;
  std::optional<Scales> scales;
  Thrown thrown;
};

void PluginLinear::describe(Description& description) const {
  const plugin::LinearSink sink{&description, Description::add_form, Description::add_choice,
                                Description::add_scales, Description::add_scale_choice};
  call_with(description.thrown, functions_.describe, handle_.get(), &sink);
}

std::vector<PackedLinear::Form> PluginLinear::forms() const {
  Description description;
  describe(description);
  return std::move(description.forms);
}

std::vector<PackedLinear::Choice> PluginLinear::choices() const {
  Description description;
  describe(description);
  return std::move(description.choices);
}

std::optional<PackedLinear::Scales> PluginLinear::scales() const {
  Description description;
  describe(description);
  return std::move(description.scales);
}

void PluginLinear::calibrate(const Calibration& seen) {
  const plugin::Calibration view{.largest = seen.largest,
                                 .activation = static_cast<uint8_t>(seen.activation),
                                 .residual = seen.residual};
  call(functions_.calibrate, handle_.get(), &view);
}

void PluginLinear::revert(std::optional<size_t> tokens, const std::string& reason) {
  call(functions_.revert, handle_.get(), tokens.value_or(0), reason.c_str());
}

}  // namespace twofour::node

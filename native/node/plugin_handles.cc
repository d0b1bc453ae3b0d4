#include "node/plugin_handles.h"

#include <cmath>

#include "node/plugin_call.h"

namespace twofour::node {
namespace {

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
      const std::optional<size_t> tokens = choice->tokens == 0 ? std::nullopt : std::optional(choice->tokens);
      of(context).choices.push_back(
          {tokens, choice->form, known(choice->dense_us), known(choice->sparse_us), choice->reason});
    });
  }
  std::vector<Form> forms;
  std::vector<Choice> choices;
  Thrown thrown;
};

void PluginLinear::describe(Description& description) const {
  const plugin::LinearSink sink{&description, Description::add_form, Description::add_choice};
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

void PluginLinear::revert(std::optional<size_t> tokens, const std::string& reason) {
  call(functions_.revert, handle_.get(), tokens.value_or(0), reason.c_str());
}

}  // namespace twofour::node

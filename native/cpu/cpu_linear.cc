#include "cpu/cpu_linear.h"

namespace twofour::cpu {

std::vector<PackedLinear::Form> CpuLinear::forms() const {
  std::vector<PackedLinear::Form> forms;
  for (const auto& form : forms_) forms.push_back({form->name(), form->bytes()});
  return forms;
}

std::vector<PackedLinear::Choice> CpuLinear::choices() const {
  std::vector<Choice> choices;
  for (const Bucket& bucket : buckets_) {
    const LinearForm& form = *forms_[bucket.form];
    const std::string note = form.note();
    choices.push_back({bucket.tokens, form.name(), bucket.dense_us, bucket.sparse_us,
                       note.empty() ? bucket.reason : bucket.reason + " " + note});
  }
  return choices;
}

const LinearForm& CpuLinear::form_for(size_t tokens) const {
  for (const Bucket& bucket : buckets_) {
    if (!bucket.tokens || tokens <= *bucket.tokens) return *forms_[bucket.form];
  }
  return *forms_[buckets_.back().form];
}

}  // namespace twofour::cpu

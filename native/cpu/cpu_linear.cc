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
    choices.push_back(
        {bucket.tokens, forms_[bucket.form]->name(), bucket.dense_us, bucket.sparse_us, bucket.reason});
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

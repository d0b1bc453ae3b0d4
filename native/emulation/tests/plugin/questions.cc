#include <cmath>

#include "emulation/tests/plugin/parts.h"

namespace twofour::emulation {

std::vector<Question> questions(const ModelSettings& settings) {
  std::vector<Question> all{{2, 5, 1, {}}, {11, 6, 2, {}}};
  const Model model(settings);
  for (Question& question : all)
    question.answer = model.run(question.sequences, question.length, question.seed);
  return all;
}

bool is_answer(const std::vector<float>& numbers, const Question& question) {
  for (size_t i = 0; i < question.answer.size(); ++i) {
    if (!(std::fabs(numbers[i] - question.answer[i]) < 0.02f)) return false;
  }
  return numbers.size() == question.answer.size();
}

void check_clean(Checks& checks, const std::string& what) {
  checks.check(what + ": no rule is broken", emulation_breach_count() == 0, emulation_last_breach());
  checks.check(what + ": nothing is left", *emulation_outstanding() == '\0', emulation_outstanding());
  emulation_reset();
}

}  // namespace twofour::emulation

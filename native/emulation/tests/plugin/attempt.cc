#include "emulation/tests/plugin/attempt.h"

namespace twofour::emulation {
namespace {

template <class Body>
void twice(Attempt& attempt, const std::string& what, const Body& body) {
  try {
    return body();
  } catch (const PluginFailure& failure) {
    attempt.failures.push_back(failure);
  }
  try {
    body();
  } catch (const PluginFailure& failure) {
    attempt.wrong = what + " fails again: " + failure.what();
  }
}

}  // namespace

Attempt attempt(const ModelSettings& settings, const std::vector<Question>& questions, Phase phase,
                const std::function<void()>& fail) {
  Attempt attempt;
  std::optional<Model> model;
  if (phase == Phase::loading) fail();
  twice(attempt, "loading", [&] { model.emplace(settings); });
  if (!model) return attempt;
  if (phase == Phase::running) fail();
  const auto ask = [&](const Question& question) {
    twice(attempt, "a run", [&] {
      if (!is_answer(model->run(question.sequences, question.length, question.seed), question))
        attempt.wrong = "wrong numbers";
    });
  };
  // What failed must neither have spoilt a batch of another size nor come back in it.
  for (const Question& question : questions) ask(question);
  ask(questions.front());
  return attempt;
}

}  // namespace twofour::emulation

#pragma once
#include "emulation/runtime/stand_in.h"
#include "emulation/tests/checks.h"
#include "emulation/tests/plugin/model.h"

namespace twofour::emulation {

/// A batch, and what a model says of it where nothing fails.
struct Question {
  size_t sequences, length;
  uint32_t seed;
  std::vector<float> answer;
};
/// Two of other buckets and other numbers, so that what is stale shows.
std::vector<Question> questions(const ModelSettings& settings);
/// Whether the numbers are the answer's, but for the rounding of a dense product in place of a sparse one.
bool is_answer(const std::vector<float>& numbers, const Question& question);

/// That nothing broke a rule, and nothing is left of models that are gone. Takes settings and faults back.
void check_clean(Checks& checks, const std::string& what);

void check_one_scale(Checks& checks);
void check_hot_path(Checks& checks);
void check_memory(Checks& checks);
void check_statuses(Checks& checks);
void check_lost(Checks& checks);
void check_machines(Checks& checks);
void check_threads(Checks& checks);
void check_tuning(Checks& checks);
void check_sharing(Checks& checks);

}  // namespace twofour::emulation

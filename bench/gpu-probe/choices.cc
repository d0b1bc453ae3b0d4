#include "choices.h"

#include <fstream>

namespace probe {

std::vector<Choice> read_choices(const std::string& file) {
  std::vector<Choice> choices;
  if (file.empty()) return choices;
  std::ifstream lines(file);
  Choice read;
  std::string added, form;
  while (lines >> read.dtype >> read.rows >> read.columns >> read.bound >> added >> read.dense_algorithm >>
         read.sparse_algorithm.id >> read.sparse_algorithm.split_k >> read.sparse_algorithm.mode >> form) {
    read.residual = added == "residual";
    read.sparse = form == "sparse";
    choices.push_back(read);
  }
  return choices;
}

std::optional<Choice> choice_for(const std::vector<Choice>& choices, const Problem& problem) {
  const Choice* best = nullptr;
  for (const Choice& each : choices) {
    if (each.dtype != name_of(problem.input) || each.rows != problem.rows || each.columns != problem.columns)
      continue;
    const bool holds = each.bound >= problem.tokens;
    const bool better = best == nullptr || (holds ? best->bound < problem.tokens || each.bound < best->bound
                                                  : best->bound < each.bound);
    if (better) best = &each;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

}  // namespace probe

#include "turns.h"

#include <algorithm>

namespace probe {

void take_turns(Stopwatch& stopwatch, std::vector<Subject>& subjects, int rounds) {
  for (Subject& each : subjects)
    each.times = std::clamp(static_cast<int>(300 / std::max(1.0, stopwatch.quick(each.work))), 1, 50);
  for (int round = 0; round < rounds; ++round) {
    for (size_t turn = 0; turn < subjects.size(); ++turn) {
      Subject& each = subjects[(turn + static_cast<size_t>(round)) % subjects.size()];
      each.cold.push_back(stopwatch.cold(each.work));
      each.warm.push_back(stopwatch.warm(each.work, each.times));
    }
    for (Subject& each : subjects) {
      each.against_first.push_back(subjects[0].cold.back() / each.cold.back());
      each.warm_against_first.push_back(subjects[0].warm.back() / each.warm.back());
    }
  }
}

}  // namespace probe

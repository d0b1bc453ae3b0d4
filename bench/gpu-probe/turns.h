#pragma once
#include <string>
#include <vector>

#include "device.h"

namespace probe {

/// Work with its times in µs, a number for each round, and how much faster than the first subject's in that
/// round.
struct Subject {
  std::string name;
  Work work;
  int times = 1;
  std::vector<double> cold{}, warm{}, against_first{}, warm_against_first{};
};

/// In turn, so that clocks and heat are the same for all; the first is what the others are compared with.
void take_turns(Stopwatch& stopwatch, std::vector<Subject>& subjects, int rounds);

}  // namespace probe

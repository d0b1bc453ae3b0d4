#include "emulation/tests/plugin/attempt.h"

/// Out of memory at every allocation: what fails says so and leaves nothing, and what follows works.
namespace twofour::emulation {
namespace {

constexpr int kOutOfMemory = 2;

/// `times` allocations in a row fail, from the `call`-th on. False: there are not so many.
bool check_call(Checks& checks, const std::vector<Question>& questions, const std::string& function,
                long call, long times) {
  const Attempt made = attempt({}, questions, Phase::loading, [&] {
    for (long i = 0; i < times; ++i) emulation_fail(function.c_str(), call + i, kOutOfMemory);
  });
  const std::string what =
      function + " " + std::to_string(call) + (times == 1 ? " fails" : " and the one after it fail");
  if (emulation_faults_waiting() == times) return false;
  checks.check(what + ": what comes after it is right", made.wrong.empty(), made.wrong);
  if (times == 1) {
    checks.check(what + ": memory that nobody uses is freed instead", made.failures.empty());
  } else {
    const bool said = made.failures.size() == 1 && made.failures[0].code == "OUT_OF_MEMORY";
    checks.check(what + ": OUT_OF_MEMORY", said, made.failures.empty() ? "" : made.failures[0].what());
  }
  check_clean(checks, what);
  return true;
}

}  // namespace

void check_memory(Checks& checks) {
  const std::vector<Question> all = questions({});
  for (const char* function : {"cudaMalloc", "cudaHostAlloc"}) {
    for (const long times : {1, 2}) {
      long call = 1;
      while (check_call(checks, all, function, call, times)) ++call;
      emulation_reset();
      checks.check(std::string(function) + ": there were allocations", call > 2);
    }
  }
}

}  // namespace twofour::emulation

#include "emulation/tests/plugin/parts.h"

/// A kernel that faults: its device is lost for this process, and others are not.
namespace twofour::emulation {
namespace {

/// The code that it fails with; "" if it does not.
template <class Body>
std::string code_of(const Body& body) {
  try {
    body();
    return "";
  } catch (const PluginFailure& failure) {
    return failure.code;
  }
}

/// False: there is no such kernel in a run.
bool check_kernel(Checks& checks, const Question& question, long kernel, bool early) {
  const std::string what =
      "kernel " + std::to_string(kernel) + (early ? " faults before the next is queued" : " faults");
  emulation_set("devices", 2);
  if (early) emulation_set("queue", 0);
  {
    const Model first, second, elsewhere({.device = 1});
    const auto ask = [&](const Model& model) {
      return model.run(question.sequences, question.length, question.seed);
    };
    ask(second);
    emulation_fail("kernel", kernel, 1);
    const std::string code = code_of([&] { ask(first); });
    if (emulation_faults_waiting() != 0) return false;
    checks.check(what + ": the run is told so", code == "CUDA_DEVICE_LOST", code);
    const std::string again = code_of([&] { ask(first); }), other = code_of([&] { ask(second); }),
                      loading = code_of([] { const Model third; });
    checks.check(what + ": and the next", again == "CUDA_DEVICE_LOST", again);
    checks.check(what + ": and that of another model", other == "CUDA_DEVICE_LOST", other);
    checks.check(what + ": and who loads one", loading == "CUDA_DEVICE_LOST", loading);
    checks.check(what + ": the other device goes on", is_answer(ask(elsewhere), question));
    const Model fourth({.device = 1});
    checks.check(what + ": and takes new models", is_answer(ask(fourth), question));
  }
  const std::string newest = emulation_last_breach();
  checks.check(what + ": no rule is broken but by that",
               newest.find("The device is lost") != std::string::npos, newest);
  checks.check(what + ": nothing is left", *emulation_outstanding() == '\0', emulation_outstanding());
  emulation_reset();
  return true;
}

}  // namespace

void check_lost(Checks& checks) {
  const Question question = questions({}).front();
  for (const bool early : {false, true}) {
    long kernel = 1;
    while (check_kernel(checks, question, kernel, early)) ++kernel;
    emulation_reset();
    checks.check("there were kernels", kernel > 5);
  }
}

}  // namespace twofour::emulation

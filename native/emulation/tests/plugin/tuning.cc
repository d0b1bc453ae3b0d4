#include "emulation/tests/plugin/parts.h"

/// What is measured while a model is loaded, and what runs by it.
namespace twofour::emulation {
namespace {

constexpr int kOutOfMemory = 2;

void check_formats(Checks& checks) {
  const std::pair<const char*, Format> formats[] = {{"float16", Format::float16},
                                                    {"bfloat16", Format::bfloat16},
                                                    {"int8", Format::int8},
                                                    {"float8", Format::float8}};
  for (const auto& [name, format] : formats) {
    Question question{3, 30, 1, {}};
    question.answer = Model({.format = format, .sparsity = Sparsity::off}).run(3, 30, 1);
    {
      const Model model(
          {.format = format, .sparsity = Sparsity::automatic, .budget = 1e9, .most_tokens = 100});
      // Four shapes or epilogues, two classes.
      checks.check(std::string(name) + ": everything is measured", model.measured.size() == 8);
      checks.check(std::string(name) + ": what was chosen is right",
                   is_answer(model.run(3, 30, 1), question));
    }
    check_clean(checks, std::string(name) + " measured");
  }
}

/// Beyond 4,096 tokens a dense product computes no row that is not there, and a sparse one some.
void check_long_pass(Checks& checks) {
  Question question{70, 60, 1, {}};
  question.answer = Model().run(question.sequences, question.length, question.seed);
  {
    const Model dense({.sparsity = Sparsity::off});
    // More rows, fewer, and more again, of one plan.
    dense.run(71, 60, 2);
    checks.check("4,200 tokens are right", is_answer(dense.run(70, 60, 1), question));
    emulation_forbid_creation(1);
    dense.run(71, 60, 2);
    emulation_forbid_creation(0);
    emulation_forbid_creation(1);
    checks.check("4,200 tokens again are right", is_answer(dense.run(70, 60, 1), question));
    emulation_forbid_creation(0);
  }
  check_clean(checks, "4,200 tokens");
}

/// False: there are not so many allocations. Counts loads that went on without measuring.
bool check_allocation(Checks& checks, long call, size_t& unmeasured) {
  emulation_fail("cudaMalloc", call, kOutOfMemory);
  emulation_fail("cudaMalloc", call + 1, kOutOfMemory);
  std::string code = "OUT_OF_MEMORY", reason;
  try {
    reason = Model({.sparsity = Sparsity::automatic}).reason();
  } catch (const PluginFailure& failure) {
    code = failure.code;
  }
  const bool failed = emulation_faults_waiting() == 0;
  const std::string what =
      "allocations " + std::to_string(call) + " and " + std::to_string(call + 1) + " fail";
  checks.check(what + ": OUT_OF_MEMORY, or nothing", code == "OUT_OF_MEMORY", code);
  unmeasured += reason.find("the device had no memory for it") != std::string::npos;
  check_clean(checks, what);
  return failed;
}

}  // namespace

void check_tuning(Checks& checks) {
  check_formats(checks);
  check_long_pass(checks);
  size_t unmeasured = 0;
  for (long call = 1; check_allocation(checks, call, unmeasured);) ++call;
  checks.check("a load goes on where there is no memory to measure with", unmeasured > 0);
}

}  // namespace twofour::emulation

#include <optional>

#include "emulation/tests/plugin/parts.h"

/// Models that share what is open of one device.
namespace twofour::emulation {
namespace {

/// Not the small one's, so that its blocks and plans are others.
const ModelSettings kOther{.format = Format::int8};

bool is_right(const Model& model, const Question& question) {
  return is_answer(model.run(question.sequences, question.length, question.seed), question);
}

void check_together(Checks& checks, const std::vector<Question>& all, const std::vector<Question>& others) {
  {
    const auto device = open_device();
    const Model first({}, device);
    bool right = true;
    for (const Question& question : all) right &= is_right(first, question);
    // From here on nothing of the device is opened a second time.
    for (const char* function : {"cublasLtCreate", "cusparseLtInit", "cudaStreamCreateWithFlags"})
      emulation_fail(function, 1, 1);
    std::optional<Model> second(std::in_place, kOther, device);
    checks.check("a second model opens no library, handle or stream", emulation_faults_waiting() == 3);
    for (int round = 0; round < 3; ++round) {
      for (size_t i = 0; i < all.size(); ++i)
        right &= is_right(first, all[i]) && is_right(*second, others[i]);
    }
    checks.check("two models of one device run in turn, each with its own numbers", right);

    second.reset();
    emulation_forbid_creation(1);
    const bool undisturbed = is_right(first, all[0]);
    emulation_forbid_creation(0);
    checks.check("when one ends, the other goes on where it was", undisturbed);
  }
  check_clean(checks, "models that share a device");
}

/// Beside the workspace of 32 MiB there is room for the models, and none for a second workspace.
void check_memory_is_shared(Checks& checks, const std::vector<Question>& all) {
  emulation_set("memory", 40);
  {
    const auto device = open_device();
    const Model first({}, device);
    bool right = true;
    for (int round = 0; round < 40; ++round) {
      const Model second({}, device), third({}, device);
      right &= is_right(second, all[0]) && is_right(first, all[1]) && is_right(third, all[0]);
    }
    checks.check("the workspace is there once, and what a model had is free when it ends", right);
  }
  check_clean(checks, "one workspace");
}

void check_openings(Checks& checks, const Question& question) {
  {
    // Without cuSPARSELt it is another opening, which is dense.
    const auto with = open_device(), without = open_device({.cusparselt = ""});
    const Model sparse({}, with), dense({.sparsity = Sparsity::automatic}, without);
    const bool says = dense.reason().find("cuSPARSELt was not found") != std::string::npos;
    checks.check("a device that is open with other libraries is another", says, dense.reason());
    checks.check("and both are right", is_right(sparse, question) && is_right(dense, question));
  }
  check_clean(checks, "two openings");
}

}  // namespace

void check_sharing(Checks& checks) {
  const std::vector<Question> all = questions({}), others = questions(kOther);
  check_together(checks, all, others);
  check_memory_is_shared(checks, all);
  check_openings(checks, all[0]);
}

}  // namespace twofour::emulation

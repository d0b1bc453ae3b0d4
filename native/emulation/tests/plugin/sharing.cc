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

template <class Body>
std::string code_of(const Body& body) {
  try {
    body();
    return "";
  } catch (const PluginFailure& failure) {
    return failure.code;
  }
}

/// Both the allocation and the try after everything unused was freed.
void exhaust(long call) {
  for (const long each : {call, call + 1}) emulation_fail("cudaMalloc", each, 2);
}

void check_failures(Checks& checks, const std::vector<Question>& all) {
  {
    const auto device = open_device();
    const Model first({}, device);
    long call = 1;
    bool told = true, right = true;
    for (bool reached = true; reached; ++call) {
      exhaust(call);
      const std::string code = code_of([&] { const Model second({}, device); });
      reached = emulation_faults_waiting() == 0;
      told &= !reached || code == "OUT_OF_MEMORY";
      emulation_reset();
      for (const Question& question : all) right &= is_right(first, question);
    }
    checks.check("a model that finds no memory is refused", told && call > 20, std::to_string(call));
    checks.check("and the other of its device is right", right);
  }
  check_clean(checks, "a model without memory");

  {
    const auto device = open_device();
    const Model first({}, device), second({}, device);
    emulation_fail("kernel", 3, 1);
    const std::string codes[] = {code_of([&] { is_right(first, all[0]); }),
                                 code_of([&] { is_right(second, all[0]); }),
                                 code_of([&] { const Model third({}, device); })};
    for (const std::string& code : codes)
      checks.check("of a device that is lost every model is refused", code == "CUDA_DEVICE_LOST", code);
  }
  checks.check("a lost device: nothing is left", *emulation_outstanding() == '\0', emulation_outstanding());
  emulation_reset();
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
  check_failures(checks, all);
  check_openings(checks, all[0]);
}

}  // namespace twofour::emulation

#include <atomic>
#include <optional>
#include <thread>

#include "emulation/tests/plugin/parts.h"

/// Models of several threads on one device, and models that another thread ends.
namespace twofour::emulation {

void check_threads(Checks& checks) {
  const std::vector<Question> all = questions({});
  std::atomic<int> right{0};
  const auto work = [&](int32_t device) {
    for (int round = 0; round < 3; ++round) {
      const Model model({.device = device});
      for (const Question& question : all)
        right += is_answer(model.run(question.sequences, question.length, question.seed), question);
    }
  };
  emulation_set("devices", 2);
  std::thread one(work, 0), other(work, 0), elsewhere(work, 1);
  one.join();
  other.join();
  elsewhere.join();
  checks.check("three threads load, run and end models at once", right == 18, std::to_string(right));
  check_clean(checks, "three threads");

  emulation_set("devices", 2);
  std::optional<Model> model;
  std::thread([&] { model.emplace(ModelSettings{.device = 1}); }).join();
  const bool same = is_answer(model->run(all[0].sequences, all[0].length, all[0].seed), all[0]);
  std::thread([&] { model.reset(); }).join();
  checks.check("a model is made, used and ended by three threads", same);
  check_clean(checks, "a model of three threads");
}

}  // namespace twofour::emulation

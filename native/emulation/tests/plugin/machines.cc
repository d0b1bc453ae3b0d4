#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "emulation/tests/plugin/parts.h"

/// Machines and libraries that are not as they should be: refused with a sentence, or dense with one.
namespace twofour::emulation {
namespace {

bool holds(const std::string& sentence, const std::string& part) {
  return sentence.find(part) != std::string::npos;
}

void set(const char* name, long value) {
  if (name != nullptr) emulation_set(name, value);
}

void check_refusal(Checks& checks, const ModelSettings& settings, const std::string& sentence) {
  std::string code, said;
  try {
    const Model refused(settings);
  } catch (const PluginFailure& failure) {
    code = failure.code;
    said = failure.what();
  }
  checks.check("refused: " + sentence, code == "DEVICE_UNAVAILABLE" && holds(said, sentence),
               code + ": " + said);
  check_clean(checks, sentence);
}

void check_refusals(Checks& checks) {
  const struct {
    const char* setting;
    long value;
    ModelSettings model;
    const char* sentence;
  } rows[] = {
      {"driver", 12040, {}, "Install driver 580 or newer"},
      {"driver", 0, {}, "No NVIDIA driver was found"},
      {"devices", 0, {}, "sees no GPU"},
      {"compute", 75, {}, "needs 8.0 or newer"},
      {"devices", 2, {.device = 2}, "devices count from 0 to 1"},
      {"cublaslt", 120801, {}, "was made for cuBLASLt 13. `npx twofour cuda install`"},
      {nullptr, 0, {.cublaslt = ""}, "cuBLASLt was not found. `npx twofour cuda install`"},
      {nullptr, 0, {.cublaslt = "libnone.so"}, "cuBLASLt was not found. `npx twofour cuda install`"},
      {nullptr, 0, {.cublaslt = "/none/libcublasLt.so"}, "cannot be opened"},
  };
  for (const auto& [setting, value, model, sentence] : rows) {
    set(setting, value);
    check_refusal(checks, model, sentence);
  }
}

/// Runs dense, for the reason that `sentence` is part of.
void check_dense(Checks& checks, const ModelSettings& settings, const std::string& sentence) {
  Question question{3, 7, 1, {}};
  {
    const Model model(settings);
    checks.check("dense: " + sentence, holds(model.reason(), sentence), model.reason());
    const std::vector<float> numbers = model.run(question.sequences, question.length, question.seed);
    emulation_reset();
    question.answer = Model().run(question.sequences, question.length, question.seed);
    checks.check("dense: " + sentence + ", and right", is_answer(numbers, question));
  }
  check_clean(checks, sentence);
}

void check_sparse_libraries(Checks& checks) {
  const struct {
    const char* setting;
    long value;
    const char* sentence;
  } rows[] = {{"cusparselt", 701, "twofour needs 0.8.0 or newer"},
              {"cusparselt_spill", 64, "its structs are larger"},
              {"cusparselt_wrong_id", 0, "a small product has wrong numbers"}};
  for (const auto& [setting, value, sentence] : rows) {
    set(setting, value);
    check_dense(checks, {}, sentence);
  }
  emulation_fail("cusparseLtMatmul", 1, 7);
  check_dense(checks, {}, "CUSPARSE_STATUS_INTERNAL_ERROR");
  check_dense(checks, {.cusparselt = ""}, "cuSPARSELt was not found");
  check_dense(checks, {.cusparselt = "/none/libcusparseLt.so"}, "cannot be opened");
  for (const long version : {800, 900, 1000}) {
    emulation_set("cusparselt", version);
    checks.check("version " + std::to_string(version) + " is taken", holds(Model().reason(), "required"));
    check_clean(checks, "version " + std::to_string(version));
  }
}

/// A copy of a library without one of its functions, for the length of a scope.
class Without {
 public:
  Without(Checks& checks, const char* library, const char* symbol)
      : path_(std::filesystem::temp_directory_path() / std::string(symbol).append(std::to_string(getpid()))) {
    const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    checks.check(std::string("there is a library without ") + symbol,
                 emulation_copy_without((folder / library).c_str(), path_.c_str(), symbol) == 0);
  }
  ~Without() { std::remove(path_.c_str()); }
  Without(const Without&) = delete;
  Without& operator=(const Without&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void check_symbols(Checks& checks) {
  const Without sparse(checks, "libcusparseLt.so.0", "cusparseLtMatmulSearch");
  check_dense(checks, {.cusparselt = sparse.path()}, "has no function cusparseLtMatmulSearch");
  const Without dense(checks, "libcublasLt.so.13", "cublasLtMatmulAlgoCheck");
  check_refusal(checks, {.cublaslt = dense.path()}, "has no function cublasLtMatmulAlgoCheck");
}

}  // namespace

void check_machines(Checks& checks) {
  check_refusals(checks);
  check_sparse_libraries(checks);
  check_symbols(checks);
}

}  // namespace twofour::emulation

#include <algorithm>

#include "emulation/tests/plugin/attempt.h"

/// Every function that the plugin calls fails once, at every call: a sentence that names who failed with
/// what, or another way (dense in place of sparse), and right numbers ever after. Not those that destroy:
/// what they fail to destroy is lost, and no library fails so.
namespace twofour::emulation {
namespace {

struct Family {
  /// What a sentence of such a failure holds.
  std::vector<std::string> names;
  std::vector<int> statuses;
  std::vector<const char*> functions;
};

const std::vector<Family>& families() {
  static const std::vector<Family> all{
      {{"CUDA runtime said cuda", "The GPU refused", "NVIDIA driver", "does not answer"},
       {1, 2, 801},
       {"cudaGetDeviceCount", "cudaGetDeviceProperties", "cudaDeviceGetAttribute", "cudaSetDevice",
        "cudaStreamCreateWithFlags", "cudaEventCreateWithFlags", "cudaEventRecord", "cudaEventQuery",
        "cudaEventSynchronize", "cudaStreamSynchronize", "cudaEventElapsedTime", "cudaMemcpyAsync",
        "cudaMemsetAsync", "cudaLaunchKernel"}},
      {{"cuBLASLt returned CUBLAS_STATUS_", "cuBLASLt has no algorithm"},
       {1, 3, 7, 13, 14, 15},
       {"cublasLtCreate", "cublasLtMatmulDescCreate", "cublasLtMatmulDescSetAttribute",
        "cublasLtMatrixLayoutCreate", "cublasLtMatmulPreferenceCreate",
        "cublasLtMatmulPreferenceSetAttribute", "cublasLtMatmulAlgoGetHeuristic", "cublasLtMatmulAlgoCheck",
        "cublasLtMatmul"}},
      {{"cuSPARSELt returned CUSPARSE_STATUS_"},
       {2, 3, 6, 7, 10, 11},
       {"cusparseLtInit", "cusparseLtStructuredDescriptorInit", "cusparseLtDenseDescriptorInit",
        "cusparseLtMatmulDescriptorInit", "cusparseLtMatmulDescSetAttribute",
        "cusparseLtMatmulAlgSelectionInit", "cusparseLtMatmulAlgGetAttribute",
        "cusparseLtMatmulAlgSetAttribute", "cusparseLtMatmulPlanInit", "cusparseLtMatmulGetWorkspace",
        "cusparseLtSpMMACompressedSize", "cusparseLtSpMMACompress", "cusparseLtMatmul"}}};
  return all;
}

constexpr const char* kCodes[] = {"OUT_OF_MEMORY", "DEVICE_FAILED", "DEVICE_UNAVAILABLE",
                                  "CUDA_LIBRARY_FAILED"};

bool is_told(const PluginFailure& failure, const Family& family) {
  const std::string sentence = failure.what();
  const auto in_sentence = [&](const std::string& name) { return sentence.find(name) != std::string::npos; };
  return std::ranges::any_of(kCodes, [&](const char* code) { return failure.code == code; }) &&
         std::ranges::any_of(family.names, in_sentence);
}

/// What is tried again and again.
struct Trial {
  ModelSettings settings;
  Phase phase;
  std::vector<Question> questions;
};

/// False: the function is not called so often.
bool check_call(Checks& checks, const Trial& trial, const Family& family, const std::string& function,
                long call, int status) {
  const Attempt made = attempt(trial.settings, trial.questions, trial.phase,
                               [&] { emulation_fail(function.c_str(), call, status); });
  if (emulation_faults_waiting() != 0) return false;
  const std::string what = function + " gives " + std::to_string(status) + " at call " +
                           std::to_string(call) +
                           (trial.phase == Phase::loading ? " of a load" : " of a run");
  checks.check(what + ": what comes after it is right", made.wrong.empty(), made.wrong);
  for (const PluginFailure& failure : made.failures)
    checks.check(what + ": it is told", is_told(failure, family), failure.code + ": " + failure.what());
  checks.check(what + ": it is told once", made.failures.size() < 2);
  check_clean(checks, what);
  return true;
}

/// Every status at the first call, then one at calls that lie wider and wider apart, the wider the longer
/// loading takes.
void check_function(Checks& checks, const Trial& trial, const Family& family, const char* function) {
  const bool measures = trial.settings.sparsity == Sparsity::automatic;
  const long wider = trial.phase == Phase::running ? 8 : 2;
  long call = 1;
  for (bool goes_on = true; goes_on; call += 1 + (measures ? 3 * call : call / wider)) {
    const size_t count = call < 2 && !measures ? family.statuses.size() : 1;
    const auto first = static_cast<size_t>(call) % family.statuses.size();
    for (size_t i = 0; goes_on && i < count; ++i)
      goes_on = check_call(checks, trial, family, function, call,
                           family.statuses[(first + i) % family.statuses.size()]);
  }
  emulation_reset();
}

}  // namespace

void check_statuses(Checks& checks) {
  const std::pair<Sparsity, Phase> trials[] = {{Sparsity::require, Phase::running},
                                               {Sparsity::require, Phase::loading},
                                               {Sparsity::automatic, Phase::loading}};
  for (const auto& [sparsity, phase] : trials) {
    const ModelSettings settings{.sparsity = sparsity};
    const Trial trial{settings, phase, questions(settings)};
    for (const Family& family : families()) {
      for (const char* function : family.functions) check_function(checks, trial, family, function);
    }
  }
}

}  // namespace twofour::emulation

// Faults, settings, breaches and the rules of the hot path. All of it is state of the process: it stands for
// the machine that the process runs on.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "emulation/runtime/rules.h"
#include "emulation/runtime/stand_in.h"
#include "emulation/runtime/state.h"

namespace twofour::emulation {
namespace {

constexpr Setting kSettings[] = {
    {"devices", 1, "how many devices there are"},
    {"compute", 90, "compute capability, as 10 major + minor"},
    {"driver", 13000, "what cudaDriverGetVersion gives; below 13000 it is too old"},
    {"memory", 8192, "memory of a device in MiB"},
    {"queue", 4096, "how many operations a stream may hold before the oldest run"},
    {"cublaslt", 130101, "version of cuBLASLt"},
    {"cublaslt_best_id", 1, "the algorithm of cuBLASLt that is fastest"},
    {"cublaslt_wrong_id", -1, "the algorithm that is faster still, and wrong"},
    {"cusparselt", 801, "version of cuSPARSELt"},
    {"cusparselt_ids", 4, "how many configurations cuSPARSELt has for a product"},
    {"cusparselt_best_id", 1, "the configuration that is fastest"},
    {"cusparselt_wrong_id", -1, "the configuration that is faster still, and wrong"},
    {"cusparselt_spill", 0, "bytes that cuSPARSELt writes behind its structs, as if they were larger"},
    {"cusparselt_bias", 1, "0: cuSPARSELt has no bias for products of 8 bits, 1: one of fp32"},
    {"cusparselt_capture", 1, "0: a product of cuSPARSELt breaks a capture"},
    {"sparse_gain", 130, "modelled speed of a 2:4 product, in percent of the dense one"},
    {"sparse_gain_added", 130, "the same where C is added"},
    {"sparse_gain_pass", 100,
     "the same right behind a kernel, as inside a pass, in percent of what it is else"},
    {"scaled_gain", 100, "modelled speed of a product that multiplies scales in, in percent of one without"},
    {"scaled_wrong", 0, "1: a product that multiplies scales in is wrong"},
    {"report", 0, "1: breaches and refusals are written to stderr as they happen"},
    {"abort", 0, "1: the first breach ends the process"},
};

struct Fault {
  std::string function;
  long call;
  int status;
};

struct Rules {
  std::mutex mutex;
  std::map<std::string, long> settings;
  std::vector<Fault> faults;
  std::string newest;
  long breaches = 0;
  int forbidden_everywhere = 0;
  long epoch = 0;
};

/// The hot path of one thread.
struct Hot {
  int depth = 0;
  int synchronisations = 0;
  long epoch = 0;
};
thread_local Hot hot;
thread_local std::string asked;

void set_from_environment(Rules& rules);

Rules& rules() {
  // Never destroyed: other shared objects may end after this one and still call.
  static Rules& one = []() -> Rules& {
    auto* made = new Rules;
    set_from_environment(*made);
    return *made;
  }();
  return one;
}

const Setting* row_of(const std::string& name) {
  const auto row = std::find_if(std::begin(kSettings), std::end(kSettings),
                                [&](const Setting& each) { return name == each.name; });
  return row == std::end(kSettings) ? nullptr : row;
}

/// TWOFOUR_EMULATION="devices=2,compute=75,fail=cudaMalloc:3:2": settings, and faults as
/// function:call:status.
void set_from_environment(Rules& rules) {
  const char* text = std::getenv("TWOFOUR_EMULATION");
  std::istringstream parts(text == nullptr ? "" : text);
  for (std::string part; std::getline(parts, part, ',');) {
    const auto equals = part.find('=');
    const std::string name = part.substr(0, equals);
    const std::string value = equals == std::string::npos ? "1" : part.substr(equals + 1);
    if (name == "fail") {
      char function[96] = "";
      long call = 1;
      int status = 1;
      std::sscanf(value.c_str(), "%95[^:]:%ld:%d", function, &call, &status);
      rules.faults.push_back({function, call, status});
    } else if (row_of(name) != nullptr) {
      rules.settings[name] = std::strtol(value.c_str(), nullptr, 10);
    } else {
      std::fprintf(stderr, "TWOFOUR_EMULATION: there is no setting named %s.\n", name.c_str());
      std::abort();
    }
  }
}

bool is_hot() {
  if (hot.depth > 0) return true;
  const std::lock_guard lock(rules().mutex);
  if (rules().forbidden_everywhere == 0) return false;
  if (hot.epoch != rules().epoch) hot = {0, 0, rules().epoch};
  return true;
}

void note(const std::string& sentence) {
  const bool report = setting("report") != 0 || setting("abort") != 0;
  const std::lock_guard lock(rules().mutex);
  rules().newest = sentence;
  if (report) std::fprintf(stderr, "emulated CUDA: %s\n", sentence.c_str());
}

}  // namespace

void breach(const std::string& sentence) {
  note(sentence);
  const bool abort = setting("abort") != 0;
  const std::lock_guard lock(rules().mutex);
  ++rules().breaches;
  if (abort) std::abort();
}

long setting(const char* name) {
  const Setting* row = row_of(name);
  const std::lock_guard lock(rules().mutex);
  const auto set = rules().settings.find(name);
  return set != rules().settings.end() ? set->second : row != nullptr ? row->standard : 0;
}

bool refuse_creation(const std::string& what) {
  if (!is_hot()) return false;
  breach(what + " on the hot path, where nothing is allocated, created or destroyed.");
  return true;
}

bool refuse_synchronisation(const std::string& what) {
  if (!is_hot()) return false;
  if (hot.synchronisations++ == 0) return false;
  breach(what + " on the hot path, which had its one synchronisation already.");
  return true;
}

bool refuse_late_work(const std::string& what) {
  if (!is_hot() || hot.synchronisations == 0) return false;
  breach(what + " is queued on the hot path after its one synchronisation, which must be the last act.");
  return true;
}

}  // namespace twofour::emulation

using namespace twofour::emulation;

extern "C" {

void emulation_breach(const char* sentence) { breach(sentence); }
void emulation_refusal(const char* sentence) { note(sentence); }

const char* emulation_last_breach() {
  const std::lock_guard lock(rules().mutex);
  asked = rules().newest;
  return asked.c_str();
}

long emulation_breach_count() {
  const std::lock_guard lock(rules().mutex);
  return rules().breaches;
}

void emulation_reset() {
  {
    const std::lock_guard lock(rules().mutex);
    rules().settings.clear();
    rules().faults.clear();
    rules().newest.clear();
    rules().breaches = 0;
    rules().forbidden_everywhere = 0;
    set_from_environment(rules());
  }
  hot = {};
  revive_devices();
}

void emulation_forbid_creation(int on) {
  if (on && hot.depth == 0) hot.synchronisations = 0;
  hot.depth = std::max(0, hot.depth + (on ? 1 : -1));
}

void emulation_forbid_creation_everywhere(int on) {
  const std::lock_guard lock(rules().mutex);
  if (on && rules().forbidden_everywhere == 0) ++rules().epoch;
  rules().forbidden_everywhere = std::max(0, rules().forbidden_everywhere + (on ? 1 : -1));
}

int emulation_refuse_creation(const char* what) { return refuse_creation(what) ? 1 : 0; }

void emulation_fail(const char* function, long call, int status) {
  const std::lock_guard lock(rules().mutex);
  rules().faults.push_back({function, call, status});
}

long emulation_faults_waiting() {
  const std::lock_guard lock(rules().mutex);
  return std::count_if(rules().faults.begin(), rules().faults.end(),
                       [](const Fault& fault) { return fault.call > 0; });
}

int emulation_fault(const char* function) {
  const std::lock_guard lock(rules().mutex);
  int status = 0;
  for (Fault& fault : rules().faults) {
    if (fault.function == function && --fault.call == 0) status = fault.status;
  }
  return status;
}

int emulation_set(const char* name, long value) {
  if (row_of(name) == nullptr) return 0;
  const std::lock_guard lock(rules().mutex);
  rules().settings[name] = value;
  return 1;
}

long emulation_setting(const char* name) { return setting(name); }

int emulation_copy_without(const char* library, const char* copy, const char* symbol) {
  std::ifstream in(library, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  // A whole name of the table of strings: dlsym compares it with what is asked for, so one other letter hides
  // it.
  const std::string whole = std::string(1, '\0') + symbol + '\0';
  size_t found = 0;
  for (size_t at = bytes.find(whole); at != std::string::npos; at = bytes.find(whole, at + 1), ++found) {
    bytes[at + 1] = '#';
  }
  if (found == 0) return 1;
  std::ofstream out(copy, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return out.flush() ? 0 : 1;
}
}

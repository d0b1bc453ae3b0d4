// A CUDA plugin that says what TWOFOUR_FAKE names, and computes nothing: test/cuda-plugin.test.ts compiles it.
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "backend/plugin.h"

namespace {

using namespace twofour::plugin;

bool is(const char* state) {
  const char* given = std::getenv("TWOFOUR_FAKE");
  return given != nullptr && std::string_view(given) == state;
}

Status fail(Failure* failure, const char* code, const char* message) {
  std::strcpy(failure->code, code);
  std::strcpy(failure->message, message);
  return 1;
}

Status report(const LibraryPaths* paths, const ReportSink* sink, Report* report, Failure* failure) {
  if (is("broken")) return fail(failure, "INTERNAL", "The report broke.");
  *report = {};
  report->runtime_version = 13000;
  report->driver_version = 13010;
  report->emulated = is("emulated");
  std::strcpy(report->minimum_driver, "580");
  const DeviceState old{0,     "Old card",            7,                            5, 1 << 20,
                        false, "CUDA_DEVICE_TOO_OLD", "Old card is too old a card."};
  const DeviceState good{1, "Good card", 9, 0, 1 << 30, true, "", ""};
  if (sink->device(sink->context, &old) != 0 || sink->device(sink->context, &good) != 0)
    return fail(failure, "INTERNAL", "Stopped.");
  if (paths == nullptr) return 0;
  const bool lacks = is("without cuBLASLt");
  const LibraryState dense{"cuBLASLt",
                           paths->cublaslt,
                           "13.1.1",
                           !lacks,
                           lacks ? "CUDA_LIBRARY_MISSING" : "",
                           lacks ? "cuBLASLt was not found." : ""};
  const LibraryState sparse{
      "cuSPARSELt", paths->cusparselt, "0.7.1", false, "CUDA_LIBRARY_TOO_OLD", "cuSPARSELt 0.7.1 is too old."};
  sink->library(sink->context, &dense);
  sink->library(sink->context, &sparse);
  return 0;
}

Status open(int32_t index, const LibraryPaths*, Device**, Failure* failure) {
  return fail(failure, index == 1 ? "OUT_OF_MEMORY" : "INTERNAL", "The card is full.");
}

void close(Device*) {}

Functions functions() {
  Functions made{};
  made.version = VERSION;
  made.report = report;
  made.open = open;
  made.close = close;
  return made;
}

const Functions kFunctions = functions();

}  // namespace

extern "C" __attribute__((visibility("default"))) const Functions* twofour_cuda_plugin(uint32_t version) {
  return version == VERSION ? &kFunctions : nullptr;
}

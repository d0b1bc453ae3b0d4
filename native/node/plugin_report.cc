#include "node/plugin_report.h"

#include "node/plugin_call.h"

namespace twofour::node {
namespace {

struct Listening {
  static Listening& of(void* context) { return *static_cast<Listening*>(context); }
  static plugin::Answer device(void* context, const plugin::DeviceState* state) {
    return of(context).thrown.answer([&] {
      of(context).report.devices.push_back({state->index, state->name, state->major, state->minor,
                                            state->memory, state->available, state->code, state->reason});
    });
  }
  static plugin::Answer library(void* context, const plugin::LibraryState* state) {
    return of(context).thrown.answer([&] {
      of(context).report.libraries.push_back(
          {state->name, state->path, state->version, state->usable, state->code, state->sentence});
    });
  }
  CudaReport report;
  Thrown thrown;
};

}  // namespace

CudaReport report_of(const plugin::Functions& functions, const std::optional<CudaLibraries>& libraries) {
  Listening listening;
  const plugin::ReportSink sink{&listening, Listening::device, Listening::library};
  const plugin::LibraryPaths paths = libraries ? libraries->view() : plugin::LibraryPaths{};
  plugin::Report raw{};
  call_with(listening.thrown, functions.report, libraries ? &paths : nullptr, &sink, &raw);
  CudaReport report = std::move(listening.report);
  report.emulated = raw.emulated;
  report.runtime_version = raw.runtime_version;
  report.driver_version = raw.driver_version;
  report.minimum_driver = raw.minimum_driver;
  report.code = raw.code;
  report.reason = raw.reason;
  return report;
}

}  // namespace twofour::node

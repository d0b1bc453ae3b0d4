#include "cuda/plugin_report.h"

#include "cuda/device.h"
#include "cuda/guard.h"
#include "cuda/libraries.h"

namespace twofour::cuda {
namespace {

void tell_device(const DeviceInfo& device, const plugin::ReportSink& sink) {
  const plugin::DeviceState state{.index = device.index,
                                  .name = device.name.c_str(),
                                  .major = device.major,
                                  .minor = device.minor,
                                  .memory = device.memory,
                                  .available = device.obstacle.reason.empty(),
                                  .code = device.obstacle.code,
                                  .reason = device.obstacle.reason.c_str()};
  check(sink.device(sink.context, &state));
}

void tell_library(const LibraryInfo& library, const plugin::ReportSink& sink) {
  const plugin::LibraryState state{.name = library.name,
                                   .path = library.path.c_str(),
                                   .version = library.version.c_str(),
                                   .usable = library.usable,
                                   .code = library.code,
                                   .sentence = library.sentence.c_str()};
  check(sink.library(sink.context, &state));
}

}  // namespace

plugin::Status report(const plugin::LibraryPaths* paths, const plugin::ReportSink* sink,
                      plugin::Report* report, plugin::Failure* failure) {
  return guarded(failure, [&] {
    const DriverInfo driver = look_at_driver();
    *report = {};
    report->emulated = TWOFOUR_EMULATED;
    report->runtime_version = driver.runtime_version;
    report->driver_version = driver.driver_version;
    copy_text(driver.minimum_driver, report->minimum_driver);
    copy_text(driver.obstacle.code, report->code);
    copy_text(driver.obstacle.reason, report->reason);
    for (int index = 0; index < driver.devices; ++index) tell_device(look_at_device(index), *sink);
    if (paths == nullptr) return;
    tell_library(open_cublaslt(paths->cublaslt).info, *sink);
    tell_library(open_cusparselt(paths->cusparselt).info, *sink);
  });
}

}  // namespace twofour::cuda

#pragma once
#include "backend/plugin.h"

namespace twofour::cuda {

/// plugin::Functions::report.
plugin::Status report(const plugin::LibraryPaths* paths, const plugin::ReportSink* sink,
                      plugin::Report* report, plugin::Failure* failure);

}  // namespace twofour::cuda

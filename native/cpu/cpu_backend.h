#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/thread_pool.h"

namespace twofour::cpu {

/// The default backend: fp32 on the processor's vector units, threads from `pool` (borrowed, must outlive
/// it). Throws Error DEVICE_UNAVAILABLE when TWOFOUR_ISA names a path that this machine cannot run.
std::unique_ptr<Backend> make_cpu_backend(ThreadPool& pool);

/// Names of the instruction sets that this machine can run, best first.
std::vector<std::string> supported_isas();

/// The one that make_cpu_backend takes. Throws as it does.
std::string chosen_isa();

}  // namespace twofour::cpu

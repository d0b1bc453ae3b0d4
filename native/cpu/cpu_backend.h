#pragma once
#include <memory>

#include "backend/backend.h"
#include "base/thread_pool.h"

namespace twofour::cpu {

/// The default backend: fp32 on the processor's vector units, threads from `pool` (borrowed, must outlive it).
/// Throws Error DEVICE_UNAVAILABLE when TWOFOUR_ISA names a path that this machine cannot run.
std::unique_ptr<Backend> make_cpu_backend(ThreadPool& pool);

}  // namespace twofour::cpu

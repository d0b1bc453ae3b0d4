#pragma once
#include <functional>
#include <initializer_list>

#include "emulation/runtime/stand_in.h"

namespace twofour::emulation {

/// Queues a kernel on a stream; gives a cudaError_t. What it throws becomes a fault that kills the device:
/// every later call gives cudaErrorLaunchFailure, and its sentence is the last breach.
int enqueue_kernel(CUstream_st* stream, std::function<void()> kernel, const char* name = "kernel");

/// The same for work of which it is known what it touches, with its modelled time.
int enqueue_work(CUstream_st* stream, const char* name, std::function<void()> work,
                 std::initializer_list<EmulatedUse> uses, double nanoseconds);

}  // namespace twofour::emulation

#include "emulation/device/launch.h"
#include "emulation/runtime/enqueue.h"

namespace twofour::emulation {
namespace {

int queue(const Work& work, CUstream_st* stream) {
  return enqueue_kernel(stream, [work] { run(work); }, work.kernel.c_str());
}

/// Before the plugin's first launch: it knows nothing of its device not being one.
__attribute__((constructor)) void queue_launches() { set_launcher(queue); }

}  // namespace
}  // namespace twofour::emulation

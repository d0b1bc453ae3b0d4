#pragma once
#include "emulation/device/shared_array.h"

namespace twofour::emulation {

void wait_for_copies(size_t pending_groups);

}  // namespace twofour::emulation

namespace twofour::cuda {

/// The bytes are taken from `from` now; in shared memory they are when the wait that covers them is over.
/// Before that, nobody may touch the destination.
void copy_async16(const SharedPlace& to, const void* from, bool valid);
void copy_async_commit();
template <int pending>
void copy_async_wait() {
  emulation::wait_for_copies(pending);
}

}  // namespace twofour::cuda

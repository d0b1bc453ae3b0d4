#pragma once
#include <stdexcept>

namespace twofour::emulation {

/// What a kernel did that a device forbids or leaves undefined, as a sentence that names the kernel, the
/// block and the thread. Comes out of run(); the emulator can be used on.
class KernelFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace twofour::emulation

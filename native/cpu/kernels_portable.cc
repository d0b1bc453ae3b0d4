#include "cpu/kernel_bodies.h"

namespace twofour::cpu {

Kernels portable_kernels() { return make_kernels<4, 2, 4, PlainDot4<4>, 2>("portable", true); }

}  // namespace twofour::cpu

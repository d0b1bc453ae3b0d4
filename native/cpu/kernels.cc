#include "cpu/kernels.h"

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace twofour::cpu {

std::span<const Kernels> all_kernels() {
  static const Kernels all[] = {
#if defined(__x86_64__)
      avx512bf16_kernels(), avx512vnni_kernels(), avx512_kernels(), avx2vnni_kernels(), avx2_kernels(),
#endif
      portable_kernels(),
  };
  return all;
}

const Kernels& choose_kernels() {
  const char* forced = std::getenv("TWOFOUR_ISA");
  std::string here;
  for (const Kernels& kernels : all_kernels()) {
    if (!kernels.supported) continue;
    if (forced == nullptr || *forced == '\0' || kernels.isa == forced) return kernels;
    here += (here.empty() ? "" : ", ") + std::string(kernels.isa);
  }
  throw Error("DEVICE_UNAVAILABLE", "Expected TWOFOUR_ISA to be one of " + here +
                                        " (what this binary has and this processor can run), got " + forced +
                                        ".");
}

}  // namespace twofour::cpu

#include "cpu/kernels.h"

#include <algorithm>

#include "base/isa.h"

namespace twofour::cpu {
namespace {

std::span<const Kernels> all_kernels() {
  static const Kernels all[] = {
#if defined(__x86_64__)
      avx512bf16_kernels(), avx512vnni_kernels(), avx512_kernels(), avx2vnni_kernels(), avx2_kernels(),
#endif
      portable_kernels(),
  };
  return all;
}

}  // namespace

const Kernels& choose_kernels() {
  const std::string_view name = choose_isa().name;
  const std::span<const Kernels> all = all_kernels();
  return *std::ranges::find(all, name, &Kernels::isa);
}

}  // namespace twofour::cpu

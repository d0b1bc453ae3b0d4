#include "algebra/kernels.h"

#include <algorithm>

namespace twofour::algebra {

std::span<const Kernels> all_kernels() {
  static const Kernels all[] = {
#if defined(__x86_64__)
      avx512_kernels(),
      avx2_kernels(),
#endif
      portable_kernels(),
  };
  return all;
}

const Kernels& chosen_kernels() {
  // Once, because products are many and may be small, and the environment may not be read while it is
  // written.
  static const Kernels& chosen = *std::ranges::find(all_kernels(), choose_isa().vectors, &Kernels::vectors);
  return chosen;
}

}  // namespace twofour::algebra

#include <sys/random.h>

#include <cstdint>
#include <cstdlib>

/// The static libstdc++ asks for it, and glibc has it from 2.36 on only; nothing here calls it.
extern "C" uint32_t arc4random() noexcept {
  uint32_t number = 0;
  return getrandom(&number, sizeof number, 0) == sizeof number ? number : 0;
}

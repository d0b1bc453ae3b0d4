#include "base/isa.h"

#include <cstdlib>
#include <string>

#include "base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace twofour {
namespace {

#if defined(__x86_64__)
/// CPUID leaf 7.1, EAX bit 4, which __builtin_cpu_supports of older compilers does not know.
bool has_avx_vnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || eax < 1) return false;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax >> 4 & 1) != 0;
}
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("fma");
}
bool has_avx512vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
#endif

}  // namespace

std::span<const Isa> all_isas() {
  static const Isa all[] = {
#if defined(__x86_64__)
      {"avx512bf16", Vectors::avx512, has_avx512vnni() && __builtin_cpu_supports("avx512bf16")},
      {"avx512vnni", Vectors::avx512, has_avx512vnni()},
      {"avx512", Vectors::avx512, has_avx512()},
      {"avx2vnni", Vectors::avx2, has_avx2() && has_avx_vnni()},
      {"avx2", Vectors::avx2, has_avx2()},
#endif
      {"portable", Vectors::portable, true},
  };
  return all;
}

const Isa& choose_isa() {
  const char* forced = std::getenv("TWOFOUR_ISA");
  std::string here;
  for (const Isa& isa : all_isas()) {
    if (!isa.supported) continue;
    if (forced == nullptr || *forced == '\0' || isa.name == forced) return isa;
    here += (here.empty() ? "" : ", ") + std::string(isa.name);
  }
  throw Error("DEVICE_UNAVAILABLE", "Expected TWOFOUR_ISA to be one of " + here +
                                        " (what this binary has and this processor can run), got " + forced +
                                        ".");
}

}  // namespace twofour

#include "cpu/kernels.h"

#include <cstdlib>
#include <string>

#include "base/error.h"
#include "cpu/kernel_bodies.h"

namespace twofour::cpu {
namespace {

/// One set of functions for the target attribute T, W lanes, V vectors to a panel, R tokens to a tile.
#define TWOFOUR_KERNELS(name, T, W, V, R)                                                                       \
  struct name {                                                                                                 \
    T static void linear(const LinearBlock& block) { linear_body<W, V, R>(block); }                             \
    T static size_t scratch(size_t tokens, size_t head_size) {                                                  \
      return attention_scratch_body<W, V, R>(tokens, head_size);                                                \
    }                                                                                                           \
    T static void attention(const AttentionBlock& block) { attention_body<W, V, R>(block); }                    \
    T static void layer_norm(const float* in, const float* gain, const float* bias, float epsilon, size_t width, \
                             float* out) {                                                                      \
      layer_norm_body<W>(in, gain, bias, epsilon, width, out);                                                  \
    }                                                                                                           \
    static constexpr size_t kPanel = W * V;                                                                     \
  };

template <class K>
constexpr Kernels kernels(std::string_view isa, bool (*supported)()) {
  return {isa, supported, K::kPanel, K::linear, K::scratch, K::attention, K::layer_norm};
}

TWOFOUR_KERNELS(Portable, , 4, 2, 4)
#if defined(__x86_64__)
TWOFOUR_KERNELS(Avx2, [[gnu::target("avx2,fma")]], 8, 2, 6)
TWOFOUR_KERNELS(Avx512, [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]], 16, 2, 12)
#endif

constexpr Kernels kAll[] = {
#if defined(__x86_64__)
    kernels<Avx512>("avx512",
                    [] {
                      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                             __builtin_cpu_supports("fma");
                    }),
    kernels<Avx2>("avx2", [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }),
#endif
    kernels<Portable>("portable", [] { return true; }),
};

}  // namespace

std::span<const Kernels> all_kernels() { return kAll; }

const Kernels& choose_kernels() {
  const char* forced = std::getenv("TWOFOUR_ISA");
  std::string here;
  for (const Kernels& kernels : kAll) {
    if (!kernels.supported()) continue;
    if (forced == nullptr || *forced == '\0' || kernels.isa == forced) return kernels;
    here += (here.empty() ? "" : ", ") + std::string(kernels.isa);
  }
  throw Error("DEVICE_UNAVAILABLE", "Expected TWOFOUR_ISA to be one of " + here +
                                        " (what this binary has and this processor can run), got " + forced + ".");
}

}  // namespace twofour::cpu

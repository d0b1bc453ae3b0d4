#pragma once
// Included by device.h, after what it uses. Plain arithmetic alone, so that the tests of the emulator run it
// too.
namespace twofour::cuda {

/// The bits of the nearest E4m3, ties to even, at most 448, of what is no NaN: for cards before 8.9, which
/// have no instruction for it.
__device__ __forceinline__ uint8_t e4m3_by_steps(float x) {
  const float size = fminf(fabsf(x), 448);
  uint32_t bits, sign;
  memcpy(&bits, &size, sizeof(bits));
  memcpy(&sign, &x, sizeof(sign));
  // Below 2⁻⁶ the steps are 2⁻⁹.
  const uint32_t small = static_cast<uint32_t>(round_to_int(size * 512));
  const uint32_t normal = ((bits + 0x7ffff + (bits >> 20 & 1)) >> 20) - (120 << 3);
  return static_cast<uint8_t>((sign >> 24 & 0x80) | (size < 0x1p-6f ? small : normal));
}

}  // namespace twofour::cuda

#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace twofour {

/// How wide a processor's vectors are.
enum class Vectors : uint8_t { portable, avx2, avx512 };

/// An instruction set that some kernels are compiled for, by the name that TWOFOUR_ISA says.
struct Isa {
  std::string_view name;
  Vectors vectors;
  bool supported;  ///< By this processor.
};

/// Every instruction set this binary has, best first; the last runs anywhere.
std::span<const Isa> all_isas();

/// The best that the machine supports, or the one that TWOFOUR_ISA names.
/// Throws Error DEVICE_UNAVAILABLE when that one is unknown or not supported, naming those that are.
const Isa& choose_isa();

}  // namespace twofour

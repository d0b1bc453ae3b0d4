#pragma once
#include <cstdint>
#include <vector>

// What kernels are given, one word for each thread if nothing else is said; the same on every machine.
namespace wrappers {

/// Floats of every sign and exponent: on the values of each smaller format, halfway between, and beside both.
std::vector<uint32_t> floats();
/// Two of them for each thread.
std::vector<uint32_t> float_pairs();
/// Floats from −160 to 136.
std::vector<uint32_t> exponents();
/// All words of 16 and of 8 bits.
std::vector<uint32_t> words16();
std::vector<uint32_t> words8();
/// Four words for each thread, all different; and for one block.
std::vector<uint32_t> numbered();
/// For each thread 12 floats, whole and small, so that sums of products are exact.
std::vector<uint32_t> small_wholes();

}  // namespace wrappers

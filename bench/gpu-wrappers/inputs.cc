#include "inputs.h"

#include <bit>
#include <random>

namespace wrappers {
namespace {

constexpr uint32_t kBlock = 128;

std::vector<uint32_t> counting(uint32_t count) {
  std::vector<uint32_t> words(count);
  for (uint32_t i = 0; i < count; ++i) words[i] = i;
  return words;
}

}  // namespace

std::vector<uint32_t> floats() {
  // Of bfloat16's seven bits of fraction, half's ten and e4m3's three: the last bit, the tie, and what is
  // beside.
  constexpr uint32_t kFractions[] = {0,        1,        0x7fff,   0x8000,   0x8001,   0x10000,
                                     0x18000,  0x18001,  0xfff,    0x1000,   0x1001,   0x2000,
                                     0x3000,   0x3001,   0x7ffff,  0x80000,  0x80001,  0x100000,
                                     0x180000, 0x180001, 0x600000, 0x700000, 0x780000, 0x7fffff};
  std::vector<uint32_t> words;
  for (uint32_t high = 0; high < 512; ++high) {
    for (const uint32_t fraction : kFractions) words.push_back(high << 23 | fraction);
  }
  return words;
}

std::vector<uint32_t> float_pairs() {
  const std::vector<uint32_t> low = floats();
  std::vector<uint32_t> words;
  for (size_t i = 0; i < low.size(); ++i) {
    words.push_back(low[i]);
    words.push_back(low[(i * 7919 + 31) % low.size()]);
  }
  return words;
}

std::vector<uint32_t> exponents() {
  std::mt19937 random(7);
  std::vector<uint32_t> words;
  for (int i = -160; i < 136; ++i) words.push_back(std::bit_cast<uint32_t>(static_cast<float>(i)));
  for (const uint32_t bits : {0xff800000u, 0x7f800000u, 0x80000000u, 0xc2fc0000u}) words.push_back(bits);
  while (words.size() % kBlock != 0 || words.size() < 4096) {
    const float between = static_cast<float>(random()) * 0x1p-32f;
    words.push_back(std::bit_cast<uint32_t>(-160 + 296 * between));
  }
  return words;
}

std::vector<uint32_t> words16() { return counting(1 << 16); }
std::vector<uint32_t> words8() { return counting(1 << 8); }
std::vector<uint32_t> numbered() {
  std::vector<uint32_t> words = counting(4 * kBlock);
  // Both halves of a word tell its place.
  for (uint32_t& word : words) word = 2 * word | (2 * word + 1) << 16;
  return words;
}

std::vector<uint32_t> small_wholes() {
  std::mt19937 random(11);
  std::vector<uint32_t> words(16 * kBlock);
  for (uint32_t& word : words)
    word = std::bit_cast<uint32_t>(static_cast<float>(static_cast<int>(random() % 17) - 8));
  return words;
}

}  // namespace wrappers

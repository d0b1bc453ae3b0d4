#include "emulation/device/warp.h"

#include <cstring>

#include "emulation/device/block.h"
#include "emulation/device/lanes.h"

namespace twofour::emulation {
namespace {

struct Shuffle {
  uint32_t value, from_lane, result;
};

struct Vote {
  bool vote;
  uint32_t result;
};

struct MatrixLoad {
  uint32_t* registers;
  const cuda::SharedPlace* row;
};

struct Product {
  float* d;
  const uint32_t *a, *b;
};

template <class Each>
void each_lane(uint32_t mask, const Each& each) {
  for (; mask != 0; mask &= mask - 1) each(lowest(mask));
}

void complete_shuffle(Block& block, unsigned warp, uint32_t mask, void* const* payloads) {
  each_lane(mask, [&](unsigned lane) {
    auto& own = *static_cast<Shuffle*>(payloads[lane]);
    if (own.from_lane >= kLanes || payloads[own.from_lane] == nullptr) {
      block.fault(warp * kLanes + lane, "shuffles from lane ", own.from_lane, ", which is not in the mask");
    }
    own.result = static_cast<Shuffle*>(payloads[own.from_lane])->value;
  });
}

void complete_ballot(Block&, unsigned, uint32_t mask, void* const* payloads) {
  uint32_t votes = 0;
  each_lane(mask, [&](unsigned lane) {
    votes |= static_cast<uint32_t>(static_cast<Vote*>(payloads[lane])->vote) << lane;
  });
  each_lane(mask, [&](unsigned lane) { static_cast<Vote*>(payloads[lane])->result = votes; });
}

void complete_sync(Block& block, unsigned warp, uint32_t mask, void* const*) {
  block.shared().sync_warp(warp, mask);
}

/// Lane 8·i + r passed the place of row r of matrix i.
template <unsigned count, bool transposed>
void complete_load(Block& block, unsigned warp, uint32_t, void* const* payloads) {
  for (unsigned matrix = 0; matrix < count; ++matrix) {
    uint16_t elements[8][8];
    for (unsigned row = 0; row < 8; ++row) {
      const unsigned lane = matrix * 8 + row;
      const cuda::SharedPlace& place = *static_cast<MatrixLoad*>(payloads[lane])->row;
      std::memcpy(elements[row],
                  block.shared().read_for_warp(warp * kLanes + lane, place.region, place.offset),
                  sizeof elements[row]);
    }
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      const unsigned group = lane / 4, pair = lane % 4 * 2;
      const uint32_t low = transposed ? elements[pair][group] : elements[group][pair];
      const uint32_t high = transposed ? elements[pair + 1][group] : elements[group][pair + 1];
      static_cast<MatrixLoad*>(payloads[lane])->registers[matrix] = low | high << 16;
    }
  }
}

/// Rows of 16-bit elements as floats; apart from the lanes' registers, so that the compiler makes vectors of
/// it.
template <class T, size_t count>
void widen(const uint16_t (&from)[count], float (&to)[count]) {
  for (size_t i = 0; i < count; ++i) to[i] = cuda::to_float(T{from[i]});
}

template <class T>
void complete_product(Block&, unsigned, uint32_t, void* const* payloads) {
  uint16_t a_bits[16 * 16], b_bits[16 * 8];
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    const auto& own = *static_cast<const Product*>(payloads[lane]);
    const unsigned group = lane / 4, pair = lane % 4 * 2;
    for (unsigned i = 0; i < 4; ++i) {
      std::memcpy(&a_bits[(group + i % 2 * 8) * 16 + pair + i / 2 * 8], &own.a[i], sizeof own.a[i]);
    }
    for (unsigned i = 0; i < 2; ++i) {
      b_bits[(pair + i * 8) * 8 + group] = static_cast<uint16_t>(own.b[i]);
      b_bits[(pair + i * 8 + 1) * 8 + group] = static_cast<uint16_t>(own.b[i] >> 16);
    }
  }
  float a[16 * 16], b[16 * 8];
  widen<T>(a_bits, a);
  widen<T>(b_bits, b);
  for (unsigned row = 0; row < 16; ++row) {
    const unsigned first_lane = row % 8 * 4, half = row / 8 * 2;
    float sums[8];
    for (unsigned column = 0; column < 8; ++column) {
      sums[column] = static_cast<const Product*>(payloads[first_lane + column / 2])->d[half + column % 2];
    }
    for (unsigned k = 0; k < 16; ++k) {
      for (unsigned column = 0; column < 8; ++column) sums[column] += a[row * 16 + k] * b[k * 8 + column];
    }
    for (unsigned column = 0; column < 8; ++column) {
      static_cast<const Product*>(payloads[first_lane + column / 2])->d[half + column % 2] = sums[column];
    }
  }
}

constexpr Meeting kShuffle{"a shuffle", complete_shuffle};
constexpr Meeting kBallot{"__ballot_sync", complete_ballot};
constexpr Meeting kSync{"__syncwarp", complete_sync};
constexpr Meeting kLoads[] = {{"load_matrix_x2", complete_load<2, false>},
                              {"load_matrix_x2_transposed", complete_load<2, true>},
                              {"load_matrix_x4", complete_load<4, false>},
                              {"load_matrix_x4_transposed", complete_load<4, true>}};
template <class T>
constexpr Meeting kProduct{"multiply_16x8x16", complete_product<T>};

}  // namespace

uint32_t lane_of_this_thread() { return Block::running()->thread() % kLanes; }

uint32_t shuffle(uint32_t mask, uint32_t value, uint32_t from_lane, Where where) {
  Shuffle own{value, from_lane, 0};
  Block::running()->meet(kShuffle, mask, &own, where);
  return own.result;
}

uint32_t ballot(uint32_t mask, bool vote, Where where) {
  Vote own{vote, 0};
  Block::running()->meet(kBallot, mask, &own, where);
  return own.result;
}

void load_matrices(uint32_t* registers, uint32_t count, bool transposed, const cuda::SharedPlace& row,
                   Where where) {
  MatrixLoad own{registers, &row};
  Block::running()->meet(kLoads[(count == 4) * 2 + transposed], kAllLanes, &own, where);
}

template <class T>
void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Where where) {
  Product own{d, a, b};
  Block::running()->meet(kProduct<T>, kAllLanes, &own, where);
}
template void multiply<cuda::Half>(float (&)[4], const uint32_t (&)[4], const uint32_t (&)[2], Where);
template void multiply<cuda::Bfloat16>(float (&)[4], const uint32_t (&)[4], const uint32_t (&)[2], Where);

}  // namespace twofour::emulation

void __syncthreads(twofour::emulation::Where where) {
  twofour::emulation::Block::running()->wait_at_barrier(where);
}

void __syncwarp(uint32_t mask, twofour::emulation::Where where) {
  twofour::emulation::Block::running()->meet(twofour::emulation::kSync, mask, nullptr, where);
}

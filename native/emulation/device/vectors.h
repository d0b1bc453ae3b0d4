#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace twofour::emulation {

/// Throws KernelFault when the place in global memory is no multiple of `bytes`.
void check_global(const void* place, size_t bytes);

}  // namespace twofour::emulation

namespace twofour::cuda {

template <class T, int count>
struct alignas(sizeof(T) * count) Vector {
  T values[count];
  T& operator[](int i) { return values[i]; }
  const T& operator[](int i) const { return values[i]; }
};

template <class V>
V load_global_as(const void* from) {
  static_assert(sizeof(V) == 4 || sizeof(V) == 8 || sizeof(V) == 16);
  emulation::check_global(from, sizeof(V));
  V value;
  std::memcpy(&value, from, sizeof(V));
  return value;
}

template <class V>
void store_global_as(void* to, const V& value) {
  static_assert(sizeof(V) == 4 || sizeof(V) == 8 || sizeof(V) == 16);
  emulation::check_global(to, sizeof(V));
  std::memcpy(to, &value, sizeof(V));
}

}  // namespace twofour::cuda

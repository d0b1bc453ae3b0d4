#pragma once
#include <cstddef>
#include <cstdint>

#include "emulation/device/vectors.h"

namespace twofour::emulation {

/// A declared part of the block's shared memory: bytes [first, first + bytes).
struct Region {
  const char* name;
  uint32_t first, bytes;
  uint32_t element;
};

/// The region of a declaration, the same for all threads of a block; `key` tells declarations apart.
Region declare_static(const void* key, const char* name, size_t element, size_t count);
Region declare_dynamic(const char* name, size_t byte_offset, size_t element, size_t count);

/// One access by the running thread, `offset` bytes into the region. Throws KernelFault for what is out of
/// bounds, misaligned (to `bytes`), unwritten or in conflict with another thread.
void read_shared(const Region& region, size_t offset, size_t bytes, void* to);
void write_shared(const Region& region, size_t offset, size_t bytes, const void* from);

}  // namespace twofour::emulation

namespace twofour::cuda {

struct SharedPlace {
  emulation::Region region;
  size_t offset;
};

template <class T>
class SharedArray {
 public:
  explicit SharedArray(const emulation::Region& region) : region_(region) {}
  T load(size_t i) const { return load_as<T>(i); }
  void store(size_t i, T value) const { store_as<T>(i, value); }
  template <class V>
  V load_as(size_t i) const {
    V value;
    emulation::read_shared(region_, i * sizeof(T), sizeof(V), &value);
    return value;
  }
  template <class V>
  void store_as(size_t i, const V& value) const {
    emulation::write_shared(region_, i * sizeof(T), sizeof(V), &value);
  }
  SharedPlace at(size_t i) const { return {region_, i * sizeof(T)}; }

 private:
  emulation::Region region_;
};

}  // namespace twofour::cuda

#define SHARED_ARRAY(T, name, count)          \
  static const char name##_ = 0;              \
  const ::twofour::cuda::SharedArray<T> name( \
      ::twofour::emulation::declare_static(&name##_, #name, sizeof(T), (count)))

#define DYNAMIC_SHARED(T, name, byte_offset, count) \
  const ::twofour::cuda::SharedArray<T> name(       \
      ::twofour::emulation::declare_dynamic(#name, (byte_offset), sizeof(T), (count)))

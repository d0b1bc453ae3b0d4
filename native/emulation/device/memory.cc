#include "emulation/device/async_copy.h"
#include "emulation/device/block.h"
#include "emulation/device/shared_array.h"
#include "emulation/device/vectors.h"

namespace twofour::emulation {

Region declare_static(const void* key, const char* name, size_t element, size_t count) {
  return Block::running()->shared().declare_static(key, name, element, count);
}

Region declare_dynamic(const char* name, size_t byte_offset, size_t element, size_t count) {
  return Block::running()->shared().declare_dynamic(name, byte_offset, element, count);
}

void read_shared(const Region& region, size_t offset, size_t bytes, void* to) {
  Block& block = *Block::running();
  block.shared().read(block.thread(), region, offset, bytes, to);
}

void write_shared(const Region& region, size_t offset, size_t bytes, const void* from) {
  Block& block = *Block::running();
  block.shared().write(block.thread(), region, offset, bytes, from);
}

void check_global(const void* place, size_t bytes) {
  if (reinterpret_cast<uintptr_t>(place) % bytes == 0) return;
  const Block& block = *Block::running();
  block.fault(block.thread(), "accesses ", bytes, " bytes of global memory at once: misaligned");
}

void wait_for_copies(size_t pending_groups) {
  Block& block = *Block::running();
  Copies& copies = block.copies();
  const auto covered = [&](const Copy& copy) { return copy.group + pending_groups < copies.group; };
  auto copy = copies.pending.begin();
  for (; copy != copies.pending.end() && covered(*copy); ++copy) {
    block.shared().end_copy(block.thread(), copy->region, copy->offset, copy->bytes.size(),
                            copy->bytes.data());
  }
  copies.pending.erase(copies.pending.begin(), copy);
}

}  // namespace twofour::emulation

namespace twofour::cuda {

void copy_async16(const SharedPlace& to, const void* from, bool valid) {
  emulation::Block& block = *emulation::Block::running();
  emulation::Copies& copies = block.copies();
  emulation::Copy copy{to.region, to.offset, copies.group, {}};
  block.shared().begin_copy(block.thread(), to.region, to.offset, copy.bytes.size());
  if (valid) {
    emulation::check_global(from, copy.bytes.size());
    std::memcpy(copy.bytes.data(), from, copy.bytes.size());
  }
  copies.pending.push_back(copy);
}

void copy_async_commit() { ++emulation::Block::running()->copies().group; }

}  // namespace twofour::cuda

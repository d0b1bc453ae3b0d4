#include "emulation/device/shared_memory.h"

#include <cstring>
#include <string>

#include "emulation/device/block.h"
#include "emulation/device/launch.h"

namespace twofour::emulation {
namespace {

constexpr size_t kDynamicFirst = cuda::kStaticSharedBytes;
constexpr size_t kAlignment = 16;
constexpr size_t kRowBytes = 16;

std::string element_name(const Region& region, size_t offset) {
  return sentence(region.name, "[", offset / region.element, "] (byte ", offset, ")");
}

uint32_t narrow(size_t x) { return static_cast<uint32_t>(x); }

}  // namespace

SharedMemory::SharedMemory(Block& block)
    : block_(block),
      shadow_(kDynamicFirst + cuda::kSharedBytes),
      bytes_(kDynamicFirst + cuda::kSharedBytes) {}

void SharedMemory::begin_launch(size_t dynamic_bytes) {
  declared_.clear();
  static_bytes_ = 0;
  dynamic_bytes_ = dynamic_bytes;
}

Region SharedMemory::declare_static(const void* key, const char* name, size_t element, size_t count) {
  for (const Declared& other : declared_) {
    if (other.key == key) return other.region;
  }
  const size_t bytes = element * count;
  const size_t after = static_bytes_ + (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (after > cuda::kStaticSharedBytes || after + dynamic_bytes_ > cuda::kSharedBytes) {
    block_.fault(block_.thread(), "declares ", name, ", with which the block has ", after,
                 " bytes of static and ", dynamic_bytes_,
                 " of dynamic shared memory: more than every device has");
  }
  declared_.push_back({key, {name, narrow(static_bytes_), narrow(bytes), narrow(element)}});
  static_bytes_ = after;
  return declared_.back().region;
}

Region SharedMemory::declare_dynamic(const char* name, size_t byte_offset, size_t element,
                                     size_t count) const {
  const size_t bytes = element * count;
  if (byte_offset > dynamic_bytes_ || bytes > dynamic_bytes_ - byte_offset) {
    block_.fault(block_.thread(), "declares ", name, " as bytes ", byte_offset, " to ", byte_offset + bytes,
                 " of the dynamic shared memory, which has ", dynamic_bytes_);
  }
  if (byte_offset % element != 0) {
    block_.fault(block_.thread(), "declares ", name, " at byte ", byte_offset,
                 " of the dynamic shared memory: misaligned");
  }
  return {name, narrow(kDynamicFirst + byte_offset), narrow(bytes), narrow(element)};
}

void SharedMemory::check_place(unsigned thread, const char* verb, const Region& region, size_t offset,
                               size_t bytes) const {
  const bool inside = offset <= region.bytes && bytes <= region.bytes - offset;
  if (inside && (region.first + offset) % bytes == 0) [[likely]]
    return;
  const std::string access = sentence(verb, " ", bytes, " bytes at ", element_name(region, offset), ": ");
  if (inside) block_.fault(thread, access, "misaligned");
  block_.fault(thread, access, "out of bounds, it has ", region.bytes, " bytes");
}

void SharedMemory::check(unsigned thread, const char* verb, const Region& region, size_t offset,
                         Conflict conflict) const {
  if (conflict.kind == Conflict::Kind::none) [[likely]]
    return;
  const std::string access = sentence(verb, " ", element_name(region, offset), ", ");
  const std::string other = block_.name_of(conflict.thread);
  switch (conflict.kind) {
    case Conflict::Kind::none:
      return;
    case Conflict::Kind::unwritten:
      block_.fault(thread, access, "which nobody wrote in this block");
    case Conflict::Kind::pending:
      block_.fault(thread, access, "where the asynchronous copy of ", other, " has not been waited for");
    case Conflict::Kind::written:
      block_.fault(thread, access, "which ", other, " wrote with no barrier between");
    case Conflict::Kind::read:
      block_.fault(thread, access, "which ", other, " read with no barrier between");
  }
}

void SharedMemory::read(unsigned thread, const Region& region, size_t offset, size_t bytes, void* to) {
  check_place(thread, "reads", region, offset, bytes);
  const size_t place = region.first + offset;
  check(thread, "reads", region, offset, shadow_.read(place, bytes, thread / 32, uint32_t{1} << thread % 32));
  std::memcpy(to, &bytes_[place], bytes);
}

void SharedMemory::write(unsigned thread, const Region& region, size_t offset, size_t bytes,
                         const void* from) {
  check_place(thread, "writes", region, offset, bytes);
  const size_t place = region.first + offset;
  check(thread, "writes", region, offset, shadow_.write(place, bytes, thread));
  std::memcpy(&bytes_[place], from, bytes);
}

const std::byte* SharedMemory::read_for_warp(unsigned thread, const Region& region, size_t offset) {
  check_place(thread, "loads a matrix row of", region, offset, kRowBytes);
  const size_t place = region.first + offset;
  check(thread, "loads a matrix row from", region, offset,
        shadow_.read(place, kRowBytes, thread / 32, 0xffffffff));
  return &bytes_[place];
}

void SharedMemory::begin_copy(unsigned thread, const Region& region, size_t offset, size_t bytes) {
  check_place(thread, "copies", region, offset, bytes);
  check(thread, "starts a copy to", region, offset, shadow_.begin_copy(region.first + offset, bytes, thread));
}

void SharedMemory::end_copy(unsigned thread, const Region& region, size_t offset, size_t bytes,
                            const void* from) {
  const size_t place = region.first + offset;
  shadow_.end_copy(place, bytes, thread);
  std::memcpy(&bytes_[place], from, bytes);
}

}  // namespace twofour::emulation

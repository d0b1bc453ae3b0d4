// Memory of devices and pinned memory of the host.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "emulation/runtime/state.h"

namespace twofour::emulation {

const std::pair<const uintptr_t, Allocation>* find_memory(const void* at) {
  const auto address = reinterpret_cast<uintptr_t>(at);
  auto after = state().memory.upper_bound(address);
  if (after == state().memory.begin()) return nullptr;
  --after;
  return address < after->first + after->second.bytes ? &*after : nullptr;
}

bool is_inside(const void* at, size_t bytes, Place place, const std::string& what) {
  const auto* found = find_memory(at);
  const char* kind = place == Place::device ? "device memory" : "pinned host memory";
  if (found == nullptr || found->second.place != place) {
    breach("Expected `" + what + "` to be " + kind + ", got " +
           (found == nullptr ? "memory that the runtime did not give, or gave and took back."
                             : "memory of the other kind."));
    return false;
  }
  const size_t left = found->first + found->second.bytes - reinterpret_cast<uintptr_t>(at);
  if (bytes <= left) return true;
  breach("`" + what + "` is " + std::to_string(bytes) + " bytes and runs " + std::to_string(bytes - left) +
         " bytes past the end of its allocation.");
  return false;
}

namespace {

cudaError_t allocate(void** pointer, size_t bytes, Place place, const char* function) {
  const std::lock_guard lock(state().mutex);
  if (pointer == nullptr) return give(cudaErrorInvalidValue);
  *pointer = nullptr;
  if (const cudaError_t error = enter_creation(function)) return give(error);
  if (bytes == 0) return give(cudaSuccess);
  size_t& used = state().used[place == Place::device ? current_device() : -1];
  const size_t capacity = static_cast<size_t>(setting("memory")) << 20;
  void* memory = nullptr;
  if ((place == Place::device && used + bytes > capacity) || posix_memalign(&memory, 256, bytes) != 0) {
    return give(cudaErrorMemoryAllocation);
  }
  // Of a large one the beginning: all of a workspace of 32 MiB would take as long as a small model.
  std::memset(memory, 0xFF, std::min(bytes, size_t{1} << 20));
  used += bytes;
  state().freed.erase(reinterpret_cast<uintptr_t>(memory));
  state().memory[reinterpret_cast<uintptr_t>(memory)] = {bytes, place, current_device(),
                                                         std::this_thread::get_id()};
  *pointer = memory;
  return give(cudaSuccess);
}

cudaError_t release(void* pointer, Place place, const char* function) {
  const std::lock_guard lock(state().mutex);
  const cudaError_t entered = enter_creation(function);
  // A dead device still gives its memory back to the host that plays it.
  if (entered != cudaSuccess && entered != cudaErrorLaunchFailure) return give(entered);
  if (pointer == nullptr) return give(entered);
  const auto found = state().memory.find(reinterpret_cast<uintptr_t>(pointer));
  if (found == state().memory.end() || found->second.place != place) {
    const bool twice = state().freed.contains(reinterpret_cast<uintptr_t>(pointer));
    return refuse(cudaErrorInvalidValue, std::string(function) + (twice ? ": the memory was freed before."
                                                                        : ": that is no such allocation."));
  }
  if (entered == cudaSuccess) {
    const Operation* user = queued_use(pointer, found->second.bytes, true);
    if (user != nullptr) {
      return refuse(cudaErrorInvalidValue, std::string(function) + " while `" + user->name +
                                               "` is queued, which uses the memory" +
                                               (user->touches_unknown ? " for all that is known." : "."));
    }
  }
  state().used[place == Place::device ? found->second.device : -1] -= found->second.bytes;
  state().freed[found->first] = found->second;
  state().memory.erase(found);
  std::free(pointer);
  return give(entered);
}

}  // namespace
}  // namespace twofour::emulation

using namespace twofour::emulation;

extern "C" {

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return allocate(pointer, bytes, Place::device, "cudaMalloc");
}
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return allocate(pointer, bytes, Place::pinned, "cudaHostAlloc");
}
cudaError_t cudaFree(void* pointer) { return release(pointer, Place::device, "cudaFree"); }
cudaError_t cudaFreeHost(void* pointer) { return release(pointer, Place::pinned, "cudaFreeHost"); }

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const std::lock_guard lock(state().mutex);
  if (const cudaError_t error = enter("cudaMemGetInfo")) return give(error);
  *total = static_cast<size_t>(setting("memory")) << 20;
  *free = *total - state().used[current_device()];
  return give(cudaSuccess);
}
}

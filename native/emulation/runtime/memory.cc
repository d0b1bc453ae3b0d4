// Memory of devices, pinned memory of the host, copies and fills.
#include <cstdlib>
#include <cstring>

#include "emulation/runtime/enqueue.h"
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
  std::memset(memory, 0xFF, bytes);
  used += bytes;
  state().freed.erase(reinterpret_cast<uintptr_t>(memory));
  state().memory[reinterpret_cast<uintptr_t>(memory)] = {bytes, place, current_device()};
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

struct Ends {
  Place to, from;
  bool to_device() const { return to == Place::device; }
  bool from_device() const { return from == Place::device; }
};

Place place_of(const void* at) {
  const auto* found = find_memory(at);
  return found != nullptr ? found->second.place : Place::pinned;
}

cudaError_t check_copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, bool pinned,
                       Ends& ends) {
  ends = {place_of(to), place_of(from)};
  static constexpr Ends kEnds[] = {{Place::pinned, Place::pinned},
                                   {Place::device, Place::pinned},
                                   {Place::pinned, Place::device},
                                   {Place::device, Place::device}};
  if (kind != cudaMemcpyDefault) {
    if (kind < 0 || kind > cudaMemcpyDeviceToDevice)
      return refuse(cudaErrorInvalidMemcpyDirection, "A copy has no such direction.");
    if (ends.to != kEnds[kind].to || ends.from != kEnds[kind].from) {
      return refuse(cudaErrorInvalidValue, "A copy names a direction that its pointers do not have.");
    }
  }
  if (ends.to_device() && !is_inside(to, bytes, Place::device, "the target of a copy"))
    return cudaErrorInvalidValue;
  if (ends.from_device() && !is_inside(from, bytes, Place::device, "the source of a copy"))
    return cudaErrorInvalidValue;
  if (!pinned) return cudaSuccess;
  if (!ends.to_device() && !is_inside(to, bytes, Place::pinned, "the target of an asynchronous copy"))
    return cudaErrorInvalidValue;
  if (!ends.from_device() && !is_inside(from, bytes, Place::pinned, "the source of an asynchronous copy"))
    return cudaErrorInvalidValue;
  return cudaSuccess;
}

std::shared_ptr<Operation> operation_of(const char* name, std::function<void()> work,
                                        std::vector<EmulatedUse> uses, size_t bytes) {
  auto operation = std::make_shared<Operation>();
  operation->name = name;
  operation->uses = std::move(uses);
  operation->work.context = new std::function<void()>(std::move(work));
  operation->work.run = [](void* context, char*, size_t) {
    (*static_cast<std::function<void()>*>(context))();
    return 0;
  };
  operation->work.release = [](void* context) { delete static_cast<std::function<void()>*>(context); };
  // 20 bytes per nanosecond and a microsecond to begin: about a host link of today.
  operation->work.nanoseconds = 1000 + static_cast<double>(bytes) / 20;
  return operation;
}

/// What a copy or fill on a stream asks first; null ends it with `error`.
Stream* open_stream(cudaStream_t handle, const char* function, cudaError_t& error) {
  error = enter(function);
  if (error != cudaSuccess) return nullptr;
  Stream* stream = find_stream(handle, function);
  if (stream == nullptr) error = cudaErrorInvalidResourceHandle;
  return stream;
}

cudaError_t break_capture(Stream& stream, cudaError_t error) {
  if (stream.capture != nullptr) stream.capture->broken = true;
  return give(error);
}

/// A blocking copy or fill: ordered with the default stream, done at once.
template <class Work>
cudaError_t at_once(const char* function, const Work& work) {
  if (const cudaError_t error = enter_creation(function)) return give(error);
  if (const cudaError_t error = drain_device(current_device(), true)) return give(error);
  return give(work());
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

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t handle) {
  const std::lock_guard lock(state().mutex);
  cudaError_t error;
  Stream* stream = open_stream(handle, "cudaMemcpyAsync", error);
  if (stream == nullptr) return give(error);
  if (bytes == 0) return give(cudaSuccess);
  Ends ends{};
  if ((error = check_copy(to, from, bytes, kind, true, ends)) != cudaSuccess)
    return break_capture(*stream, error);
  auto copy = [=] { std::memmove(to, from, bytes); };
  std::vector<EmulatedUse> uses{{to, bytes, 1, "the target of a copy"},
                                {from, bytes, 0, "the source of a copy"}};
  return give(push(handle, *stream, operation_of("cudaMemcpyAsync", copy, std::move(uses), bytes)));
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const std::lock_guard lock(state().mutex);
  return at_once("cudaMemcpy", [&] {
    Ends ends{};
    if (const cudaError_t error = check_copy(to, from, bytes, kind, false, ends)) return error;
    if (bytes != 0) std::memmove(to, from, bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t handle) {
  const std::lock_guard lock(state().mutex);
  cudaError_t error;
  Stream* stream = open_stream(handle, "cudaMemsetAsync", error);
  if (stream == nullptr) return give(error);
  if (bytes == 0) return give(cudaSuccess);
  if (!is_inside(to, bytes, Place::device, "the target of a fill"))
    return break_capture(*stream, cudaErrorInvalidValue);
  std::vector<EmulatedUse> uses{{to, bytes, 1, "the target of a fill"}};
  auto fill = [=] { std::memset(to, value, bytes); };
  return give(push(handle, *stream, operation_of("cudaMemsetAsync", fill, std::move(uses), bytes / 100)));
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  const std::lock_guard lock(state().mutex);
  return at_once("cudaMemset", [&] {
    if (bytes == 0) return cudaSuccess;
    if (!is_inside(to, bytes, Place::device, "the target of a fill")) return cudaErrorInvalidValue;
    std::memset(to, value, bytes);
    return cudaSuccess;
  });
}
}

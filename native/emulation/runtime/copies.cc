// Copies and fills.
#include <cstring>
#include <functional>

#include "emulation/runtime/state.h"

namespace twofour::emulation {
namespace {

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

#include "emulation/runtime/enqueue.h"

#include <cstdio>
#include <exception>
#include <memory>
#include <vector>

namespace twofour::emulation {
namespace {

// Kernels are modelled as short as the launch of a real one, so that only products weigh in a timing.
constexpr double kKernelNanoseconds = 2000;

int run(void* context, char* message, size_t capacity) {
  try {
    (*static_cast<std::function<void()>*>(context))();
    return 0;
  } catch (const std::exception& error) {
    std::snprintf(message, capacity, "%s", error.what());
  } catch (...) {
    std::snprintf(message, capacity, "It threw something that is no std::exception.");
  }
  return 1;
}

void release(void* context) { delete static_cast<std::function<void()>*>(context); }

}  // namespace

int enqueue_kernel(CUstream_st* stream, std::function<void()> kernel, const char* name) {
  auto context = std::make_unique<std::function<void()>>(std::move(kernel));
  const EmulatedWork work{name, run, release, context.release(), nullptr, -1, kKernelNanoseconds};
  return emulation_enqueue(stream, &work);
}

int enqueue_work(CUstream_st* stream, const char* name, std::function<void()> work,
                 std::initializer_list<EmulatedUse> uses, double nanoseconds) {
  std::vector<EmulatedUse> touched;
  for (const EmulatedUse& use : uses) {
    if (use.bytes != 0) touched.push_back(use);
  }
  auto context = std::make_unique<std::function<void()>>(std::move(work));
  const EmulatedWork queued{
      name, run, release, context.release(), touched.data(), static_cast<long>(touched.size()), nanoseconds};
  return emulation_enqueue(stream, &queued);
}

}  // namespace twofour::emulation

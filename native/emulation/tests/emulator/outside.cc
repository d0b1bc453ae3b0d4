#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "device.h"
#include "emulation/tests/emulator/parts.h"

namespace twofour::emulation {

#if defined(__SANITIZE_ADDRESS__)
namespace {

__global__ void beyond_global(float* to) { to[threadIdx.x] = 1; }

__global__ void copy_from_beyond(const float* from) {
  SHARED_ARRAY(float, cells, 4 * 32);
  cuda::copy_async16(cells.at(threadIdx.x * 4), from + threadIdx.x * 4, true);
}

/// What a child writes to its standard error while it runs `body`.
template <class Body>
std::string errors_of(const Body& body) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    body();
    _exit(0);
  }
  close(ends[1]);
  std::string errors;
  std::array<char, 4096> part{};
  for (ssize_t got; (got = read(ends[0], part.data(), part.size())) > 0;)
    errors.append(part.data(), static_cast<size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? "" : errors;
}

}  // namespace

void check_outside(Checks& checks) {
  std::vector<cuda::Vector<float, 4>> memory(15);
  float* first = memory.data()->values;
  const std::string written = errors_of([&] { cuda::launch(beyond_global, {1}, {64}, 0, nullptr, first); });
  checks.check("a write beyond global memory is caught",
               written.find("heap-buffer-overflow") != std::string::npos, written);
  const std::string copied = errors_of([&] { cuda::launch(copy_from_beyond, {1}, {32}, 0, nullptr, first); });
  checks.check("a copy from beyond global memory is caught",
               copied.find("heap-buffer-overflow") != std::string::npos, copied);
}
#else
void check_outside(Checks&) {}
#endif

}  // namespace twofour::emulation

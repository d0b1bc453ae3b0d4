// wrappers: runs each name of native/cuda/device/device.h in a kernel of its own, and prints a JSON line for
// each with all that it gave, in hexadecimal. The same program over the emulator prints what is to be
// expected.
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include "buffer.h"
#include "wrappers.h"

namespace wrappers {
namespace {

const char* name_of(Likeness likeness) {
  switch (likeness) {
    case Likeness::bits:
      return "bits";
    case Likeness::numbers:
      return "numbers";
    default:
      return "near";
  }
}

void run(const Wrapper& wrapper) {
  const std::vector<uint32_t> given = wrapper.inputs();
  const size_t threads = given.size() / wrapper.in_words;
  const Buffer in(given), out(std::vector<uint32_t>(threads * wrapper.out_words));
  const int status = wrapper.start(in.words(), out.words(), static_cast<unsigned>(threads / kThreads));
  if (status != 0)
    throw std::runtime_error(std::string(wrapper.name) + " was not launched: CUDA error " +
                             std::to_string(status) + ".");
  std::string text;
  for (const uint32_t word : out.download()) {
    char digits[9];
    std::snprintf(digits, sizeof digits, "%08x", word);
    text += digits;
  }
  std::printf("{\"wrapper\":\"%s\",\"likeness\":\"%s\",\"words\":\"%s\"}\n", wrapper.name,
              name_of(wrapper.likeness), text.c_str());
}

}  // namespace
}  // namespace wrappers

int main() {
  try {
    std::printf("{\"computeCapability\":%d}\n", wrappers::compute_capability());
    for (const auto& wrapper : wrappers::all()) wrappers::run(wrapper);
    return 0;
  } catch (const std::exception& error) {
    std::printf("{\"failed\":\"%s\"}\n", error.what());
    return 1;
  }
}

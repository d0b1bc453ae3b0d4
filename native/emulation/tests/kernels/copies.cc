#include "emulation/tests/kernels/parts.h"
#include "emulation/tests/kernels/verb.h"

namespace twofour::emulation {
namespace {

constexpr size_t kCount = 5, kRows = 7;

void check_gather(Checks& checks, cuda::Word word, size_t width) {
  const std::vector<float> values = rounded(numbers(kRows * width, 21), word);
  const std::vector<int32_t> rows{6, 0, 3, 3, 1};
  std::vector<float> expected;
  for (const int32_t row : rows) {
    const auto from = values.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(row) * width);
    expected.insert(expected.end(), from, from + static_cast<ptrdiff_t>(width));
  }
  const DeviceMemory<int32_t> device_rows(rows), count(std::vector<int32_t>{kCount});
  const DeviceRows in(word, width, kRows, values);
  check_verb(checks, {.name = "gather",
                      .word = word,
                      .width = width,
                      .count = kCount,
                      .expected = expected,
                      .tolerance = std::vector<double>(expected.size(), 1e-30),
                      .run = [&](const cuda::Rows& to, const cuda::Quantised& quantised) {
                        cuda::gather(in.rows(), device_rows.data(), {count.data(), kCount + 2}, to, quantised,
                                     nullptr);
                      }});
}

void check_conversions(Checks& checks, cuda::Word word, size_t width) {
  const std::vector<float> values = numbers(kCount * width, 22);
  const DeviceMemory<int32_t> count(std::vector<int32_t>{kCount});
  const DeviceMemory<float> in(values);
  check_verb(checks, {.name = "from_float",
                      .word = word,
                      .width = width,
                      .count = kCount,
                      .expected = values,
                      .tolerance = std::vector<double>(values.size(), 1e-30),
                      .run = [&](const cuda::Rows& to, const cuda::Quantised& quantised) {
                        cuda::from_float(in.data(), {count.data(), kCount + 2}, to, quantised, nullptr);
                      }});
  const DeviceRows rows(word, width, kCount, values);
  const DeviceMemory<float> out((kCount + 2) * width);
  cuda::to_float(rows.rows(), {count.data(), kCount + 2}, out.data(), nullptr);
  const std::vector<float> expected = rounded(values, word);
  checks.check(
      "to_float, " + name_of(word) + ", width " + std::to_string(width),
      std::equal(expected.begin(), expected.end(), out.data()) && out.untouched_from(kCount * width));
}

}  // namespace

void check_copies(Checks& checks) {
  for (const cuda::Word word : kWords) {
    for (const size_t width : kWidths) {
      check_gather(checks, word, width);
      check_conversions(checks, word, width);
    }
  }
}

}  // namespace twofour::emulation

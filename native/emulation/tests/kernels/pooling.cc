#include <cmath>

#include "emulation/tests/kernels/parts.h"
#include "emulation/tests/kernels/verb.h"

namespace twofour::emulation {
namespace {

constexpr Pooling kPoolings[] = {Pooling::mean,       Pooling::cls,
                                 Pooling::max,        Pooling::mean_sqrt_length,
                                 Pooling::last_token, Pooling::weighted_mean};

void check_pool(Checks& checks, Reference& reference, const PoolRule& rule, cuda::Word word, size_t width) {
  // The last sequence is of zeros, whose length is none to divide by. A maximum over no tokens is infinite,
  // which has no error to measure: test/ops.test.ts looks at it.
  const int32_t more = rule.pooling == Pooling::max ? static_cast<int32_t>(rule.skip) : 0;
  const RaggedBatch batch({3 + more, 1 + more, 0, 40, 2 + more});
  std::vector<float> values = rounded(numbers(batch.tokens() * width, 31), word);
  std::fill(values.end() - static_cast<ptrdiff_t>((2 + more) * width), values.end(), 0.0f);
  const auto out = reference.room(batch.sequences(), width);
  reference.backend().pool(*reference.backend().batch(batch.view()), *reference.upload(values, width), rule,
                           *out);
  const std::vector<float> expected = reference.download(*out);
  const DeviceRows in(word, width, batch.tokens(), values);
  // Sums of up to 40 numbers that are up to 3.4; a row of unit length has errors relative to that of its
  // sums.
  const double sums = 40 * 3.4 * 0x1p-24;
  check_verb(checks,
             {.name = "pool " + std::to_string(static_cast<int>(rule.pooling)) +
                      (rule.normalize ? " normalised" : "") + " after " + std::to_string(rule.skip),
              .word = word,
              .width = width,
              .count = batch.sequences(),
              .expected = expected,
              .tolerance = tolerances(expected.size(),
                                      [&](size_t i) { return sums + 0x1p-24 * 64 * std::fabs(expected[i]); }),
              .run = [&](const cuda::Rows& to, const cuda::Quantised& quantised) {
                cuda::pool(in.rows(), rule, batch.device(), to, quantised, nullptr);
              }});
}

}  // namespace

void check_pooling(Checks& checks) {
  Reference reference;
  for (const cuda::Word word : kWords) {
    for (const size_t width : kWidths) check_pool(checks, reference, {Pooling::mean, true}, word, width);
    for (const Pooling pooling : kPoolings) {
      for (const bool normalize : {false, true})
        check_pool(checks, reference, {pooling, normalize}, word, 33);
      check_pool(checks, reference, {.pooling = pooling, .skip = 1}, word, 33);
      check_pool(checks, reference, {.pooling = pooling, .skip = 3}, word, 33);
    }
  }
}

}  // namespace twofour::emulation

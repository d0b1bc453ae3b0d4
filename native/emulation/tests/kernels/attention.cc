#include <algorithm>
#include <cmath>

#include "emulation/tests/kernels/parts.h"
#include "emulation/tests/kernels/verb.h"

namespace twofour::emulation {
namespace {

struct Shape {
  std::vector<int32_t> lengths;
  size_t heads, head_size;
  bool bias = false;
};

/// Both sides of one attention.
struct Case {
  Case(const Shape& s, cuda::Word w)
      : shape(s),
        word(w),
        batch(s.lengths),
        span(static_cast<size_t>(*std::max_element(s.lengths.begin(), s.lengths.end()) + 2)),
        qkv(rounded(numbers(batch.tokens() * width() * 3, 51, 1.5f), w)),
        bias(numbers(s.heads * (2 * span - 1), 52)) {}

  size_t width() const { return shape.heads * shape.head_size; }
  float scale() const { return 1 / std::sqrt(static_cast<float>(shape.head_size)); }
  cuda::AttentionShape device_shape() const {
    return {shape.heads, shape.head_size, scale(), shape.bias ? device_bias.data() : nullptr, 2 * span - 1,
            span};
  }

  Shape shape;
  cuda::Word word;
  RaggedBatch batch;
  size_t span;
  std::vector<float> qkv, bias;
  DeviceMemory<float> device_bias{std::span<const float>(bias)};
};

std::vector<float> expected_of(const Case& of) {
  Reference reference;
  Backend& backend = reference.backend();
  const auto table = backend.table(matrix_in(of.bias, of.shape.heads, 2 * of.span - 1));
  const auto out = reference.room(of.batch.tokens(), of.width());
  backend.attention(*backend.batch(of.batch.view()), *reference.upload(of.qkv, 3 * of.width()),
                    {.heads = of.shape.heads,
                     .head_size = of.shape.head_size,
                     .scale = of.scale(),
                     .bias = of.shape.bias ? table.get() : nullptr,
                     .span = of.span},
                    *out);
  return reference.download(*out);
}

/// Relative errors of the weights, of which each element is a mean of values: a score's sum, 2^x of it, the
/// sum of weights; and of 16-bit words the rounding of each weight. No value is beyond 5.1.
double tolerance_of(const Case& of) {
  const double longest = *std::max_element(of.shape.lengths.begin(), of.shape.lengths.end());
  const double score = static_cast<double>(of.shape.head_size) * 5.1 * 5.1 * of.scale();
  const double sums = 0x1p-24 * (static_cast<double>(of.shape.head_size + 8) * score + longest + 16);
  return 5.1 * (sums + (of.word == cuda::Word::float32 ? 0 : epsilon_of(of.word)));
}

void check(Checks& checks, const Shape& shape, cuda::Word word) {
  const Case of(shape, word);
  const DeviceRows in(word, 3 * of.width(), of.batch.tokens(), of.qkv);
  const std::vector<float> expected = expected_of(of);
  check_verb(checks, {.name = "attention of " + std::to_string(shape.heads) + " heads of " +
                              std::to_string(shape.head_size) + (shape.bias ? " with bias" : "") +
                              ", longest " + std::to_string(of.span - 2),
                      .word = word,
                      .width = of.width(),
                      .count = of.batch.tokens(),
                      .expected = expected,
                      .tolerance = std::vector<double>(expected.size(), tolerance_of(of)),
                      .run =
                          [&](const cuda::Rows& to, const cuda::Quantised& quantised) {
                            cuda::attention(in.rows(), of.device_shape(), of.batch.device(), to, quantised,
                                            nullptr);
                          },
                      .quantised_alone = false});
}

/// The same sequence alone and after others.
void check_company(Checks& checks, cuda::Word word) {
  constexpr size_t kWidth = 2 * 24;
  const std::vector<float> qkv = rounded(numbers(110 * 3 * kWidth, 53), word);
  const auto run = [&](std::vector<int32_t> lengths, std::span<const float> values) {
    const RaggedBatch batch(std::move(lengths));
    const DeviceRows in(word, 3 * kWidth, batch.tokens(), values), out(word, kWidth, batch.tokens());
    cuda::attention(in.rows(), {2, 24, 0.2f}, batch.device(), out.rows(), {}, nullptr);
    return out.values(batch.tokens());
  };
  const auto together = run({7, 33, 70}, qkv), alone = run({70}, std::span(qkv).last(70 * 3 * kWidth));
  checks.check("a sequence in a batch equals the sequence alone, " + name_of(word),
               std::equal(alone.begin(), alone.end(), together.end() - 70 * kWidth));
}

}  // namespace

void check_attention(Checks& checks) {
  for (const cuda::Word word : kWords) {
    for (const size_t head_size : {1, 8, 13, 16, 32, 40, 64, 80, 96, 112, 127, 128})
      check(checks, {{5, 0, 70, 1}, head_size == 64 ? 3u : 1u, head_size}, word);
    check(checks, {{1}, 2, 64}, word);
    check(checks, {{64, 128, 65}, 1, 48}, word);
    check(checks, {{512}, 1, word == cuda::Word::float32 ? 8u : 64u}, word);
    check(checks, {{90, 3}, 2, 24, true}, word);
    check(checks, {{40, 3}, 1, 72, true}, word);
    check_company(checks, word);
  }
}

}  // namespace twofour::emulation

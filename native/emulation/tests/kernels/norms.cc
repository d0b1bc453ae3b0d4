#include <algorithm>
#include <cmath>

#include "emulation/tests/kernels/parts.h"
#include "emulation/tests/kernels/verb.h"

namespace twofour::emulation {
namespace {

constexpr float kEpsilon = 1e-5f;
constexpr size_t kCount = 5;

/// A norm's weights on both sides.
struct Weights {
  Weights(Reference& reference, size_t width)
      : gain(numbers(width, 1)),
        bias(numbers(width, 2)),
        norm(reference.backend().norm(gain, bias, kEpsilon)) {}
  cuda::NormWeights device() const { return {device_gain.data(), device_bias.data(), kEpsilon}; }
  std::vector<float> gain, bias;
  std::unique_ptr<Norm> norm;
  DeviceMemory<float> device_gain{padded(gain)}, device_bias{padded(bias)};
};

/// Sums of `width` fp32 numbers, and a few roundings more, of which each moves the result by what the row's
/// largest value is in standard deviations.
std::vector<double> norm_tolerances(const std::vector<float>& in, const Weights& weights) {
  const size_t width = weights.gain.size();
  return tolerances(in.size(), [&](size_t i) {
    const auto row = std::span(in).subspan(i / width * width, width);
    double mean = 0, variance = 0, largest = 0;
    for (const float x : row) mean += x / static_cast<double>(width);
    for (const float x : row) {
      variance += (x - mean) * (x - mean) / static_cast<double>(width);
      largest = std::max(largest, std::fabs(static_cast<double>(x)));
    }
    const double deviations = 1 + largest / std::sqrt(variance + kEpsilon);
    return 0x1p-24 *
           (48 * std::fabs(weights.gain[i % width]) * deviations + 2 * std::fabs(weights.bias[i % width]));
  });
}

void check_layer_norm(Checks& checks, Reference& reference, cuda::Word word, size_t width, bool in_place) {
  const Weights weights(reference, width);
  const std::vector<float> values = rounded(numbers(kCount * width, 3), word);
  const auto out = reference.room(kCount, width);
  reference.backend().layer_norm(*reference.upload(values, width), *weights.norm, *out);
  const DeviceMemory<int32_t> count(std::vector<int32_t>{kCount});
  check_verb(checks, {.name = in_place ? "layer_norm in place" : "layer_norm",
                      .word = word,
                      .width = width,
                      .count = kCount,
                      .expected = reference.download(*out),
                      .tolerance = norm_tolerances(values, weights),
                      .run = [&](const cuda::Rows& to, const cuda::Quantised& quantised) {
                        const DeviceRows in(word, width, kCount, values);
                        const bool place = in_place && to.data != nullptr;
                        if (place)
                          std::copy(in.bytes().begin(), in.bytes().end(),
                                    static_cast<unsigned char*>(to.data));
                        cuda::layer_norm(place ? to : in.rows(), weights.device(), {count.data(), kCount + 2},
                                         to, quantised, nullptr);
                      }});
}

void check_embed(Checks& checks, Reference& reference, cuda::Word word, size_t width, bool types) {
  const RaggedBatch batch({2, 0, 3});
  const Weights weights(reference, width);
  const std::vector<float> tables[] = {numbers(7 * width, 4), numbers(9 * width, 5), numbers(2 * width, 6)};
  std::vector<std::unique_ptr<Table>> plain;
  for (const auto& table : tables)
    plain.push_back(reference.backend().table(matrix_in(table, table.size() / width, width)));
  const auto out = reference.room(batch.tokens(), width);
  const Table* type = types ? plain[2].get() : nullptr;
  reference.backend().embed(*reference.backend().batch(batch.view()), *plain[0], *plain[1], type,
                            *weights.norm, *out);
  std::vector<float> sums(batch.tokens() * width);
  for (size_t i = 0; i < sums.size(); ++i) {
    const auto row = [&](int32_t index) { return static_cast<size_t>(index) * width + i % width; };
    sums[i] = tables[0][row(batch.ids[i / width])] + tables[1][row(batch.positions[i / width])];
    if (types) sums[i] += tables[2][row(batch.types[i / width])];
  }
  const DeviceMemory<float> word_table(padded_table(tables[0], width)),
      position(padded_table(tables[1], width)), type_table(padded_table(tables[2], width));
  check_verb(checks, {.name = types ? "embed_norm" : "embed_norm without types",
                      .word = word,
                      .width = width,
                      .count = batch.tokens(),
                      .expected = reference.download(*out),
                      .tolerance = norm_tolerances(sums, weights),
                      .run = [&](const cuda::Rows& to, const cuda::Quantised& quantised) {
                        cuda::embed_norm(
                            batch.device(),
                            {word_table.data(), position.data(), types ? type_table.data() : nullptr},
                            weights.device(), to, quantised, nullptr);
                      }});
}

/// A row alone and the same row last among others.
void check_company(Checks& checks, Reference& reference) {
  constexpr size_t kWidth = 1000;
  const Weights weights(reference, kWidth);
  const std::vector<float> values = numbers(6 * kWidth, 7);
  const auto run = [&](std::span<const float> rows) {
    const size_t count = rows.size() / kWidth;
    const DeviceMemory<int32_t> device_count(std::vector<int32_t>{static_cast<int32_t>(count)});
    const DeviceRows in(cuda::Word::float32, kWidth, count, rows), out(cuda::Word::float32, kWidth, count);
    cuda::layer_norm(in.rows(), weights.device(), {device_count.data(), count}, out.rows(), {}, nullptr);
    return out.values(count);
  };
  const auto together = run(values), alone = run(std::span(values).last(kWidth));
  checks.check("a row in a batch equals the row alone",
               std::equal(alone.begin(), alone.end(), together.end() - kWidth));
}

}  // namespace

void check_norms(Checks& checks) {
  Reference reference;
  for (const cuda::Word word : kWords) {
    for (const size_t width : kWidths) {
      check_layer_norm(checks, reference, word, width, false);
      check_embed(checks, reference, word, width, width != 33);
    }
    // Teams of 4 warps, and rows that no registers hold.
    for (const size_t width : {1030, 4100}) check_layer_norm(checks, reference, word, width, true);
  }
  check_company(checks, reference);
}

}  // namespace twofour::emulation

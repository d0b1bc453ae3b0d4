#include <cmath>

#include "backend/formats.h"
#include "emulation/tests/kernels/parts.h"
#include "emulation/tests/kernels/verb.h"

namespace twofour::emulation {
namespace {

constexpr size_t kCount = 4;
constexpr Activation kActivations[] = {Activation::none, Activation::gelu, Activation::gelu_tanh,
                                       Activation::relu, Activation::silu, Activation::quick_gelu,
                                       Activation::tanh};

/// Of activating a number near x in fp32: roundings of the exponent are relative to it.
double activation_tolerance(double x) { return 0x1p-24 * 8 * (1 + std::fabs(x)) * (1 + std::fabs(x)); }

void check_activate(Checks& checks, Activation activation, cuda::Word word, size_t width) {
  std::vector<float> values = rounded(numbers(kCount * width, 11, 3), word), expected;
  values[0] = -30, values.back() = 30;
  for (const float x : values) expected.push_back(activate(activation, x));
  const DeviceMemory<int32_t> count(std::vector<int32_t>{kCount});
  const DeviceRows in(word, width, kCount, values);
  check_verb(
      checks,
      {.name = "activate " + std::to_string(static_cast<int>(activation)),
       .word = word,
       .width = width,
       .count = kCount,
       .expected = expected,
       .tolerance = tolerances(values.size(), [&](size_t i) { return activation_tolerance(values[i]); }),
       .run = [&](const cuda::Rows& to, const cuda::Quantised& quantised) {
         cuda::activate(in.rows(), activation, {}, {count.data(), kCount + 2}, to, quantised, nullptr);
       }});
}

/// A matrix of 8-bit weights and one input, quantised by the kernel, and their product as a library leaves
/// it.
struct Product {
  Product(Reference& reference, Format format, size_t rows);

  static constexpr size_t kColumns = 40;
  Format format;
  size_t rows;
  std::vector<float> weight, bias, in;
  std::unique_ptr<PackedLinear> linear;
  DeviceQuantised quantised;
  std::vector<float> row_scales;
  std::vector<int32_t> row_sums;
  std::vector<double> sums, magnitudes;  ///< [kCount, rows], the latter of dequantised terms
};

Product::Product(Reference& reference, Format f, size_t r)
    : format(f),
      rows(r),
      weight(numbers(r * kColumns, 12, 0.1f)),
      bias(numbers(r, 13)),
      in(numbers(kCount * kColumns, 14)),
      linear(reference.backend().pack({.weight = matrix_in(weight, r, kColumns), .bias = bias, .format = f})),
      quantised(f == Format::int8 ? cuda::QuantisedWord::int8 : cuda::QuantisedWord::e4m3, kColumns, kCount),
      sums(kCount * r),
      magnitudes(kCount * r) {
  const DeviceMemory<int32_t> count(std::vector<int32_t>{kCount});
  const DeviceMemory<float> values(in);
  const DeviceRows kept(cuda::Word::float32, kColumns, kCount);
  cuda::from_float(values.data(), {count.data(), kCount}, kept.unwanted(), quantised.quantised(), nullptr);
  for (size_t row = 0; row < rows; ++row) {
    std::vector<float> levels(weight.begin() + static_cast<ptrdiff_t>(row * kColumns),
                              weight.begin() + static_cast<ptrdiff_t>((row + 1) * kColumns));
    float largest = 0;
    for (const float x : levels) largest = std::max(largest, std::fabs(x));
    row_scales.push_back(format == Format::int8 ? symmetric_scale(levels) : largest / 448);
    int32_t row_sum = 0;
    for (float& x : levels) {
      x = format == Format::int8 ? symmetric_level(x, row_scales[row]) : round_to_e4m3(x / row_scales[row]);
      row_sum += static_cast<int32_t>(x);
    }
    row_sums.push_back(row_sum);
    for (size_t token = 0; token < kCount; ++token) {
      double sum = 0, magnitude = 0;
      for (size_t k = 0; k < kColumns; ++k) {
        sum += static_cast<double>(levels[k]) * quantised.level(token, k);
        magnitude += std::fabs(static_cast<double>(levels[k]) * row_scales[row] * quantised.at(token, k));
      }
      sums[token * rows + row] = sum;
      magnitudes[token * rows + row] = magnitude;
    }
  }
}

template <class T>
std::vector<T> laid_out(const std::vector<double>& sums, size_t width, T (*convert)(double)) {
  const size_t stride = cuda::stride_of(width);
  std::vector<T> all(sums.size() / width * stride, convert(3));
  for (size_t i = 0; i < sums.size(); ++i) all[i / width * stride + i % width] = convert(sums[i]);
  return all;
}

struct Epilogues {
  Activation activation;
  bool residual;
};

void check_dequantise(Checks& checks, Reference& reference, const Product& product, cuda::SumWord sum,
                      cuda::Word word, const Epilogues& epilogue) {
  const size_t width = product.rows;
  const std::vector<float> residual = rounded(numbers(kCount * width, 15), word);
  const auto plain_residual = reference.upload(residual, width);
  const auto out = reference.room(kCount, width);
  reference.backend().linear(
      *product.linear, *reference.upload(product.in, Product::kColumns, {product.linear.get()}),
      {.activation = epilogue.activation, .residual = epilogue.residual ? plain_residual.get() : nullptr},
      *out);

  const DeviceMemory<int32_t> whole(
      laid_out<int32_t>(product.sums, width, [](double x) { return static_cast<int32_t>(x); }));
  const DeviceMemory<float> wide(
      laid_out<float>(product.sums, width, [](double x) { return static_cast<float>(x); }));
  const DeviceMemory<cuda::Bfloat16> brief(laid_out<cuda::Bfloat16>(
      product.sums, width, [](double x) { return cuda::from_float<cuda::Bfloat16>(static_cast<float>(x)); }));
  const void* sums = sum == cuda::SumWord::int32     ? static_cast<const void*>(whole.data())
                     : sum == cuda::SumWord::float32 ? static_cast<const void*>(wide.data())
                                                     : brief.data();
  std::vector<int32_t> row_sums(cuda::stride_of(width), 77);
  std::copy(product.row_sums.begin(), product.row_sums.end(), row_sums.begin());
  const DeviceMemory<int32_t> device_row_sums(row_sums), count(std::vector<int32_t>{kCount});
  const DeviceMemory<float> row_scales(padded(product.row_scales)), bias(padded(product.bias));
  const DeviceRows added(word, width, kCount, residual);
  const cuda::Quantised in = product.quantised.quantised();
  const bool zeros = sum == cuda::SumWord::int32;
  const double sum_error = sum == cuda::SumWord::bfloat16 ? 0x1p-8 : 0x1p-24 * 8;
  const std::vector<float> expected = reference.download(*out);
  check_verb(
      checks,
      {.name = "dequantise " + std::to_string(static_cast<int>(sum)) + " activation " +
               std::to_string(static_cast<int>(epilogue.activation)) + (epilogue.residual ? " residual" : ""),
       .word = word,
       .width = width,
       .count = kCount,
       .expected = expected,
       .tolerance = tolerances(expected.size(),
                               [&](size_t i) {
                                 const double size =
                                     product.magnitudes[i] + std::fabs(product.bias[i % width]);
                                 return 1.2 * size * (sum_error + 0x1p-24 * 8) + activation_tolerance(size) +
                                        0x1p-23 * std::fabs(residual[i]);
                               }),
       .run = [&](const cuda::Rows& to, const cuda::Quantised& quantised) {
         cuda::dequantise({.sums = sums,
                           .word = sum,
                           .token_scales = in.scales,
                           .token_zeros = zeros ? in.zeros : nullptr,
                           .row_scales = row_scales.data(),
                           .row_sums = zeros ? device_row_sums.data() : nullptr,
                           .bias = bias.data(),
                           .activation = epilogue.activation,
                           .residual = epilogue.residual ? added.rows() : cuda::Rows{}},
                          {count.data(), kCount + 2}, to, quantised, nullptr);
       }});
}

}  // namespace

void check_products(Checks& checks) {
  Reference reference;
  for (const cuda::Word word : kWords) {
    for (const size_t width : kWidths) check_activate(checks, Activation::gelu, word, width);
    for (const Activation activation : kActivations) check_activate(checks, activation, word, 33);
  }
  for (const size_t width : {1, 8, 33, 312, 1100}) {
    const Product whole(reference, Format::int8, width), floats(reference, Format::float8, width);
    const auto check = [&](const Product& product, cuda::SumWord sum, cuda::Word word, Epilogues epilogue) {
      check_dequantise(checks, reference, product, sum, word, epilogue);
    };
    check(whole, cuda::SumWord::int32, cuda::Word::bfloat16, {Activation::gelu, false});
    check(whole, cuda::SumWord::int32, cuda::Word::bfloat16, {Activation::none, true});
    check(whole, cuda::SumWord::int32, cuda::Word::bfloat16, {Activation::relu, true});
    for (const cuda::Word word : {cuda::Word::float16, cuda::Word::bfloat16}) {
      check(floats, cuda::SumWord::float32, word, {Activation::gelu_tanh, false});
      check(floats, cuda::SumWord::float32, word, {Activation::none, true});
    }
    check(floats, cuda::SumWord::bfloat16, cuda::Word::bfloat16, {Activation::none, true});
  }
}

}  // namespace twofour::emulation

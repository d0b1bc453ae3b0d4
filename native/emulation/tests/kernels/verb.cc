#include "emulation/tests/kernels/verb.h"

#include <algorithm>
#include <cmath>

namespace twofour::emulation {
namespace {

constexpr size_t kRoomBeyond = 3;

double allowed(const Verb& verb, size_t i) {
  return epsilon_of(verb.word) * std::fabs(verb.expected[i]) * 1.01 + smallest_error_of(verb.word) +
         verb.tolerance[i];
}

/// The worst element relative to what is allowed, if any is beyond.
std::string worst_of(const Verb& verb, const std::function<float(size_t)>& got,
                     const std::function<double(size_t)>& most) {
  double worst = 1;
  std::string sentence;
  for (size_t i = 0; i < verb.expected.size(); ++i) {
    const double error = std::fabs(static_cast<double>(got(i)) - verb.expected[i]) / most(i);
    if (error <= worst) continue;
    worst = error;
    sentence = "row " + std::to_string(i / verb.width) + ", column " + std::to_string(i % verb.width) + ": " +
               std::to_string(got(i)) + ", expected " + std::to_string(verb.expected[i]) + " ± " +
               std::to_string(most(i));
  }
  return sentence;
}

std::string run_rows(const Verb& verb, std::vector<unsigned char>& bits) {
  const DeviceRows out(verb.word, verb.width, verb.count + kRoomBeyond);
  verb.run(out.rows(), {});
  const auto bytes = out.bytes();
  if (bits.empty()) bits.assign(bytes.begin(), bytes.end());
  if (!std::equal(bits.begin(), bits.end(), bytes.begin(), bytes.end())) return "bits differ between orders";
  const std::string wrong = worst_of(
      verb, [&](size_t i) { return out.at(i / verb.width, i % verb.width); },
      [&](size_t i) { return allowed(verb, i); });
  return wrong.empty() ? out.trespasses(verb.count) : wrong;
}

std::string run_quantised(const Verb& verb, cuda::QuantisedWord word, bool beside_rows) {
  const DeviceRows out(verb.word, verb.width, verb.count + kRoomBeyond);
  const DeviceQuantised quantised(word, verb.width, verb.count + kRoomBeyond);
  verb.run(beside_rows ? out.rows() : out.unwanted(), quantised.quantised());
  if (const std::string wrong = quantised.trespasses(verb.count); !wrong.empty()) return wrong;
  if (beside_rows && (verb.word == cuda::Word::float32 || !verb.quantised_alone)) {
    for (size_t row = 0; row < verb.count; ++row) {
      std::vector<float> stored(verb.width);
      for (size_t column = 0; column < verb.width; ++column) stored[column] = out.at(row, column);
      if (const std::string wrong = quantised.difference(row, stored); !wrong.empty()) return wrong;
    }
    return out.trespasses(verb.count);
  }
  return worst_of(
      verb, [&](size_t i) { return quantised.at(i / verb.width, i % verb.width); },
      [&](size_t i) {
        const double scale = quantised.scale(i / verb.width), value = std::fabs(verb.expected[i]);
        const double step =
            word == cuda::QuantisedWord::int8 ? scale / 2 : std::max(value / 16, scale * 0x1p-10);
        // The scale, and with it each level, was made of values that were not exact either.
        return step * 1.02 + 2 * verb.tolerance[i] + value * 0x1p-20;
      });
}

std::string first_wrong(const Verb& verb) {
  std::vector<unsigned char> bits;
  for (const Order order : {Order::ascending, Order::descending, Order::random}) {
    set_order(order);
    if (const std::string wrong = run_rows(verb, bits); !wrong.empty()) return wrong;
    // A second kernel needs no order of its own here.
    if (!verb.quantised_alone && order != Order::random) continue;
    for (const auto word : {cuda::QuantisedWord::int8, cuda::QuantisedWord::e4m3}) {
      if (const std::string wrong = run_quantised(verb, word, true); !wrong.empty())
        return "quantised: " + wrong;
    }
  }
  return verb.quantised_alone ? run_quantised(verb, cuda::QuantisedWord::int8, false) : "";
}

}  // namespace

void check_verb(Checks& checks, const Verb& verb) {
  std::string wrong;
  try {
    wrong = first_wrong(verb);
  } catch (const KernelFault& fault) {
    wrong = fault.what();
  }
  set_order(Order::ascending);
  checks.check(verb.name + ", " + name_of(verb.word) + ", width " + std::to_string(verb.width), wrong.empty(),
               wrong);
}

std::unique_ptr<Activations> Reference::upload(std::span<const float> values, size_t width,
                                               std::vector<const PackedLinear*> readers) {
  auto made = backend_->activations(values.size() / width, width, {.linears = readers, .plain = true});
  backend_->upload(values, *made);
  return made;
}

std::unique_ptr<Activations> Reference::room(size_t rows, size_t width) {
  return backend_->activations(rows, width, {.linears = {}, .plain = true});
}

std::vector<float> Reference::download(const Activations& from) {
  std::vector<float> values(from.tokens() * from.width());
  backend_->download(from, values);
  return values;
}

std::vector<float> padded_table(std::span<const float> values, size_t width) {
  const size_t stride = cuda::stride_of(width);
  std::vector<float> table(values.size() / width * stride, 1e6f);
  for (size_t i = 0; i < values.size(); ++i) table[i / width * stride + i % width] = values[i];
  return table;
}

std::vector<float> padded(std::span<const float> values) { return padded_table(values, values.size()); }

std::vector<double> tolerances(size_t count, const std::function<double(size_t)>& at) {
  std::vector<double> all(count);
  for (size_t i = 0; i < count; ++i) all[i] = at(i);
  return all;
}

}  // namespace twofour::emulation

#include <algorithm>
#include <cmath>
#include <random>

#include "backend/formats.h"
#include "emulation/tests/plugin/parts.h"

/// An 8-bit linear whose inputs have one scale, by the plugin's functions, against the formula.
namespace twofour::emulation {
namespace {

constexpr size_t kRows = 70, kColumns = 44;
constexpr float kLargest = 2;

std::vector<float> uniform(size_t count, float reach, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> numbers(-reach, reach);
  std::vector<float> values(count);
  for (float& x : values) x = numbers(random);
  return values;
}

std::vector<float> as_bfloat16(std::vector<float> values) {
  std::transform(values.begin(), values.end(), values.begin(), round_to_bfloat16);
  return values;
}

/// Some inputs lie beyond what calibration saw.
struct Numbers {
  explicit Numbers(size_t tokens)
      : tokens(tokens),
        input(as_bfloat16(uniform(tokens * kColumns, kLargest * 1.1f, 2))),
        residual(as_bfloat16(uniform(tokens * kRows, 1, 4))) {
    for (size_t at = 0; at < weight.size(); ++at) {
      if (at % 4 % 3 == 0) weight[at] = 0;
    }
  }
  size_t tokens;
  std::vector<float> weight = uniform(kRows * kColumns, 0.3f, 1), bias = uniform(kRows, 1, 3);
  std::vector<float> input, residual;
};

float stored(Format format, float x) {
  const float step = kLargest / (format == Format::int8 ? 127.0f : 448.0f);
  return format == Format::int8 ? std::nearbyint(std::clamp(x / step, -127.0f, 127.0f)) * step
                                : round_to_e4m3(x / step) * step;
}

std::vector<float> expected(const Numbers& numbers, Format format, bool gelu, bool residual) {
  std::vector<float> weight = numbers.weight, out(numbers.tokens * kRows);
  for (size_t row = 0; row < kRows; ++row)
    round_weights(format, std::span(weight).subspan(row * kColumns, kColumns));
  for (size_t token = 0; token < numbers.tokens; ++token) {
    for (size_t row = 0; row < kRows; ++row) {
      double sum = numbers.bias[row];
      for (size_t i = 0; i < kColumns; ++i)
        sum += static_cast<double>(weight[row * kColumns + i]) *
               stored(format, numbers.input[token * kColumns + i]);
      if (gelu) sum = sum * 0.5 * (1 + std::erf(sum / std::sqrt(2.0)));
      out[token * kRows + row] =
          static_cast<float>(sum + (residual ? numbers.residual[token * kRows + row] : 0));
    }
  }
  return out;
}

class OneLinear {
 public:
  OneLinear(const Numbers& numbers, Format format, Sparsity sparsity)
      : numbers_(numbers), device_(open_device()), backend_(made()), linear_(packed(format, sparsity)) {
    plugin::Calibration seen{};
    seen.largest = kLargest;
    if (sparsity == Sparsity::automatic) {
      emulation_set("sparse_gain", 50);
      tune();
      emulation_set("sparse_gain", 130);
    }
    call(functions_.calibrate, linear_.get(), static_cast<const plugin::Calibration*>(&seen));
    if (sparsity == Sparsity::automatic)
      tune();
    else
      functions_.hold_scaling(linear_.get(), static_cast<int32_t>(Scaling::tensor));
  }

  void hold_dense(bool hold) const { functions_.hold_dense(linear_.get(), hold); }
  void settle() const { functions_.settle(linear_.get()); }
  void revert(size_t tokens) const {
    call(functions_.revert, linear_.get(), tokens, static_cast<const char*>("It lost."));
  }
  /// Form and scaling of the first class.
  std::string first() const {
    std::vector<std::string> all[2];
    const plugin::LinearSink sink{
        all, [](void*, const plugin::Form*) { return plugin::Answer{0}; },
        [](void* context, const plugin::Choice* choice) {
          static_cast<std::vector<std::string>*>(context)[0].push_back(choice->form);
          return plugin::Answer{0};
        },
        [](void*, bool, const char*) { return plugin::Answer{0}; },
        [](void* context, const plugin::ScaleChoice* choice) {
          const bool tensor = choice->chosen == static_cast<uint8_t>(Scaling::tensor);
          static_cast<std::vector<std::string>*>(context)[1].push_back(tensor ? "one scale" : "by token");
          return plugin::Answer{0};
        }};
    call(functions_.describe, static_cast<const plugin::Linear*>(linear_.get()), &sink);
    return all[0].front() + ", " + all[1].front();
  }

  std::vector<float> run(bool gelu, bool residual) const {
    const auto in = uploaded(numbers_.input, kColumns, {linear_.get()});
    const auto added = uploaded(numbers_.residual, kRows, {});
    const auto out = made(kRows, {});
    const auto activation = static_cast<uint8_t>(gelu ? Activation::gelu : Activation::none);
    const plugin::Activations* const none = nullptr;
    call(functions_.linear, backend_.get(), linear_.get(), in.get(), activation,
         residual ? added.get() : none, out.get());
    std::vector<float> values(numbers_.tokens * kRows);
    call(functions_.download, backend_.get(), out.get(), values.data(), values.size());
    return values;
  }

 private:
  Owned<plugin::Backend> made() const {
    plugin::Backend* backend = nullptr;
    call(functions_.backend, device_.get(), &backend);
    return {backend, functions_.destroy_backend};
  }
  Owned<plugin::Linear> packed(Format format, Sparsity sparsity) const {
    plugin::LinearWeights weights{};
    const auto read = [](void* context, size_t first, size_t count, float* to) {
      const auto& values = *static_cast<const std::vector<float>*>(context);
      std::copy_n(values.data() + first * kColumns, count * kColumns, to);
      return plugin::Answer{0};
    };
    weights.weight = {kRows, kColumns, const_cast<std::vector<float>*>(&numbers_.weight), read};
    weights.bias = numbers_.bias.data();
    weights.format = static_cast<uint8_t>(format);
    weights.sparsity = static_cast<uint8_t>(sparsity);
    plugin::Linear* linear = nullptr;
    call(functions_.pack, backend_.get(), static_cast<const plugin::LinearWeights*>(&weights), &linear);
    return {linear, functions_.destroy_linear};
  }
  /// The one class that there is.
  void tune() const {
    const plugin::LinearUse use{linear_.get(), static_cast<uint8_t>(Activation::none), false};
    plugin::Tuning tuning{};
    tuning.budget = 1e-9;
    tuning.between = [](void*) { return plugin::Answer{0}; };
    tuning.measured = [](void*, const plugin::Measurement*) { return plugin::Answer{0}; };
    call(functions_.tune, backend_.get(), &use, size_t{1}, size_t{64},
         static_cast<const plugin::Tuning*>(&tuning));
  }
  Owned<plugin::Activations> made(size_t width, std::vector<const plugin::Linear*> readers) const {
    const plugin::Readers view{readers.data(), readers.size(), readers.empty()};
    plugin::Activations* made = nullptr;
    call(functions_.activations, backend_.get(), numbers_.tokens, width, &view, &made);
    return {made, functions_.destroy_activations};
  }
  Owned<plugin::Activations> uploaded(const std::vector<float>& values, size_t width,
                                      std::vector<const plugin::Linear*> readers) const {
    auto to = made(width, std::move(readers));
    call(functions_.upload, backend_.get(), values.data(), values.size(), to.get());
    return to;
  }

  const Numbers& numbers_;
  const plugin::Functions& functions_ = plugin_functions();
  std::shared_ptr<plugin::Device> device_;
  Owned<plugin::Backend> backend_;
  Owned<plugin::Linear> linear_;
};

/// The output, the bias (inside of cuBLASLt) and what is between product and activation are rounded to
/// bfloat16, by up to 2⁻⁸ of them each, and GELU is steeper than 1 where it is large, at most 1.13.
std::string difference(const std::vector<float>& got, const std::vector<float>& wanted) {
  for (size_t at = 0; at < wanted.size(); ++at) {
    const float tolerance = 0x1p-8f * (2.13f * std::fabs(wanted[at]) + 2);
    if (!(std::fabs(got[at] - wanted[at]) <= tolerance))
      return "Number " + std::to_string(at) + " is " + std::to_string(got[at]) + ", expected " +
             std::to_string(wanted[at]) + ".";
  }
  return "";
}

/// A matrix whose sparse product lost by token may run it with one scale; it is reverted as one.
void check_choice(Checks& checks) {
  const Numbers numbers(40);
  {
    const OneLinear linear(numbers, Format::int8, Sparsity::automatic);
    checks.check("with one scale the sparse form runs, though it lost by token",
                 linear.first() == "sparse int8, one scale", linear.first());
    const std::string wrong =
        difference(linear.run(false, true), expected(numbers, Format::int8, false, true));
    checks.check("and gives the formula's numbers", wrong.empty(), wrong);
    const std::vector<float> one = linear.run(false, true);
    linear.hold_dense(true);
    const std::vector<float> dense = linear.run(false, true);
    linear.hold_dense(false);
    checks.check("held dense it has a scale for each token", dense != one && linear.run(false, true) == one);
    linear.revert(0);
    checks.check("reverted it runs that", linear.first() == "int8, by token", linear.first());
    linear.settle();
    checks.check("with the same numbers", linear.run(false, true) == dense);
  }
  check_clean(checks, "one scale that is chosen and reverted");
}

}  // namespace

void check_one_scale(Checks& checks) {
  check_choice(checks);
  const struct {
    const char* name;
    Format format;
    Sparsity sparsity;
  } rows[] = {{"int8 sparse", Format::int8, Sparsity::require},
              {"float8", Format::float8, Sparsity::off},
              {"float8 sparse", Format::float8, Sparsity::require}};
  for (const auto& [name, format, sparsity] : rows) {
    // Of 4,200 a dense product computes no row that is not there.
    for (const size_t tokens : {1, 33, 70, 4200}) {
      const Numbers numbers(tokens);
      {
        const OneLinear linear(numbers, format, sparsity);
        for (const auto& [gelu, residual] : {std::pair(false, false), {false, true}, {true, false}}) {
          const std::string wrong =
              difference(linear.run(gelu, residual), expected(numbers, format, gelu, residual));
          checks.check(std::string(name) + " with one scale is the formula, " + std::to_string(tokens) +
                           " tokens" + (gelu ? ", GELU" : "") + (residual ? ", residual" : ""),
                       wrong.empty(), wrong);
        }
      }
      check_clean(checks, std::string(name) + " with one scale");
    }
  }
}

}  // namespace twofour::emulation

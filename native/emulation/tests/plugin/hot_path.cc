#include "emulation/tests/plugin/parts.h"

/// The steady path: once a bucket has been through, no batch of it allocates, creates or destroys anything,
/// and waits for the device once, as its last act.
namespace twofour::emulation {
namespace {

struct Shape {
  size_t sequences, length;
};

void check_format(Checks& checks, const std::string& name, const ModelSettings& settings) {
  {
    const Model model(settings);
    // The second of each pair has other counts in the same buckets.
    const std::pair<Shape, Shape> buckets[] = {{{3, 7}, {5, 6}}, {{12, 20}, {40, 6}}, {{1, 64}, {60, 1}}};
    for (const auto& [first, other] : buckets) {
      const std::vector<float> expected = model.run(first.sequences, first.length, 1);
      const std::vector<float> expected_other = Model(settings).run(other.sequences, other.length, 2);
      emulation_forbid_creation(1);
      const std::vector<float> again = model.run(first.sequences, first.length, 1);
      emulation_forbid_creation(0);
      emulation_forbid_creation(1);
      const std::vector<float> another = model.run(other.sequences, other.length, 2);
      emulation_forbid_creation(0);
      const std::string tokens = std::to_string(first.sequences * first.length) + " tokens";
      checks.check(name + ": " + tokens + " again are the same, and so is a batch of as many in a new model",
                   again == expected && another == expected_other);
    }
  }
  check_clean(checks, name + " on the hot path");
}

}  // namespace

void check_hot_path(Checks& checks) {
  const struct {
    const char* name;
    Format format;
    Sparsity sparsity;
    bool one_scale = false;
  } rows[] = {{"float32", Format::float32, Sparsity::off},
              {"float16", Format::float16, Sparsity::off},
              {"float16 sparse", Format::float16, Sparsity::require},
              {"bfloat16", Format::bfloat16, Sparsity::off},
              {"bfloat16 sparse", Format::bfloat16, Sparsity::require},
              {"bfloat16 measured", Format::bfloat16, Sparsity::automatic},
              {"int8", Format::int8, Sparsity::off},
              {"int8 sparse", Format::int8, Sparsity::require},
              {"float8", Format::float8, Sparsity::off},
              {"float8 sparse", Format::float8, Sparsity::require},
              {"int8 sparse with one scale", Format::int8, Sparsity::require, true},
              {"float8 with one scale", Format::float8, Sparsity::off, true},
              {"float8 sparse with one scale", Format::float8, Sparsity::require, true}};
  for (const auto& [name, format, sparsity, one_scale] : rows)
    check_format(checks, name, {.format = format, .sparsity = sparsity, .one_scale = one_scale});
}

}  // namespace twofour::emulation

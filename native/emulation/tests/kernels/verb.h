#pragma once
#include <functional>

#include "emulation/tests/checks.h"
#include "emulation/tests/kernels/device_memory.h"
#include "plain/plain_backend.h"

namespace twofour::emulation {

inline constexpr cuda::Word kWords[] = {cuda::Word::float32, cuda::Word::float16, cuda::Word::bfloat16};
inline constexpr size_t kWidths[] = {1, 8, 33, 312, 768, 1024};

/// One verb's launch and what the plain backend says.
struct Verb {
  std::string name;
  cuda::Word word;
  size_t width, count;
  /// [count, width] each; the tolerances without the rounding to the word.
  std::vector<float> expected;
  std::vector<double> tolerance;
  std::function<void(const cuda::Rows& out, const cuda::Quantised& quantised)> run;
  /// Attention's Quantised is made of the rows as they were stored.
  bool quantised_alone = true;
};

/// Runs it under every order of warps, with and without Quantised outputs: values within the tolerance, equal
/// bits under each order, zeros as padding, nothing written beyond the count, levels those of
/// backend/formats.h. One check.
void check_verb(Checks& checks, const Verb& verb);

/// The plain backend, on vectors.
class Reference {
 public:
  Backend& backend() { return *backend_; }
  std::unique_ptr<Activations> upload(std::span<const float> values, size_t width,
                                      std::vector<const PackedLinear*> readers = {});
  std::unique_ptr<Activations> room(size_t rows, size_t width);
  std::vector<float> download(const Activations& from);

 private:
  std::unique_ptr<Backend> backend_ = plain::make_plain_backend();
};

/// [1, stride] padded with numbers that no result may depend on.
std::vector<float> padded(std::span<const float> values);
/// [rows, stride], the same.
std::vector<float> padded_table(std::span<const float> values, size_t width);
std::vector<double> tolerances(size_t count, const std::function<double(size_t)>& at);

}  // namespace twofour::emulation

#pragma once
#include <cmath>
#include <functional>

#include "emulation/libraries/elements.h"
#include "emulation/tests/stand_in/check.h"

namespace twofour::emulation::checks {

/// A matrix on the host and on the device: `lines` of `line` elements, `stride` elements from one to the
/// next. What lies between is poison.
class Operand {
 public:
  Operand(cudaDataType type, int64_t lines, int64_t line, int64_t stride)
      : type(type),
        lines(lines),
        line(line),
        stride(stride),
        bytes_(static_cast<size_t>(lines * stride) * size_of(type), 0xFF),
        device_(bytes_.size()) {}

  void fill(std::mt19937& random, float largest) {
    std::uniform_real_distribution<float> uniform(-largest, largest);
    for_each([&](int64_t i, int64_t j) { set(i, j, uniform(random)); });
    upload();
  }
  /// Two of every four elements of a line become zero; in float32, one of two.
  void prune() {
    for_each([&](int64_t i, int64_t j) {
      if (type == CUDA_R_32F ? (j / 2 + j + i) % 2 == 0 : (j + i + j / 4) % 4 >= 2) set(i, j, 0);
    });
    upload();
  }
  void set(int64_t i, int64_t j, float value) { write_element(bytes_.data(), type, index(i, j), value); }
  float at(int64_t i, int64_t j) const { return read_element(bytes_.data(), type, index(i, j)); }
  void upload() { device_.put(bytes_.data(), bytes_.size()); }
  void download() { device_.get(bytes_.data(), bytes_.size()); }
  bool is_poisoned_between() const {
    for (int64_t i = 0; i < lines; ++i) {
      for (size_t at = index(i, line) * size_of(type); at < index(i, stride) * size_of(type); ++at) {
        if (bytes_[at] != 0xFF) return false;
      }
    }
    return true;
  }
  void* data() const { return device_.as(); }
  size_t bytes() const { return bytes_.size(); }

  const cudaDataType type;
  const int64_t lines, line, stride;

 private:
  size_t index(int64_t i, int64_t j) const { return static_cast<size_t>(i * stride + j); }
  template <class Visit>
  void for_each(const Visit& visit) {
    for (int64_t i = 0; i < lines; ++i) {
      for (int64_t j = 0; j < line; ++j) visit(i, j);
    }
  }
  std::vector<uint8_t> bytes_;
  Device device_;
};

/// What a linear gives: D [tokens, rows] = activation(alpha · X Wᵀ + beta · C + bias), X [tokens, columns], W
/// [rows, columns].
struct Linear {
  const Operand &w, &x, &c, &d;
  const Operand* bias;
  double alpha, beta;
  std::function<double(double)> activation;
};

/// Relative spacing of the numbers of a type at 1, halved: what rounding once may lose.
inline double rounding_of(cudaDataType type) {
  switch (type) {
    case CUDA_R_16F:
      return 0x1p-11;
    case CUDA_R_16BF:
      return 0x1p-8;
    case CUDA_R_8F_E4M3:
      return 0x1p-4;
    default:
      return 0x1p-24;
  }
}

/// The greatest error of D against sums in double, in units of what rounding may lose: at most 1 is right.
/// `before` holds C as it was, where D is in place.
inline double error_of(const Linear& linear, const std::function<double(int64_t, int64_t)>& before,
                       double input_rounding = 0) {
  double worst = 0;
  const bool integer = linear.d.type == CUDA_R_32I || linear.d.type == CUDA_R_8I;
  for (int64_t token = 0; token < linear.x.lines; ++token) {
    for (int64_t row = 0; row < linear.w.lines; ++row) {
      double sum = 0, size = 0;
      for (int64_t i = 0; i < linear.x.line; ++i) {
        const double term = double(linear.w.at(row, i)) * linear.x.at(token, i);
        sum += term;
        size += std::fabs(term);
      }
      double value = linear.alpha * sum + (linear.beta == 0 ? 0 : linear.beta * before(token, row));
      if (linear.bias != nullptr) value += linear.bias->at(0, row);
      value = linear.activation ? linear.activation(value) : value;
      const double lost =
          std::fabs(linear.alpha) * size * (double(linear.x.line) * 0x1p-24 + input_rounding) +
          std::fabs(value) * rounding_of(linear.d.type);
      const double allowed = integer ? 0.5 : 1.1 * lost + (linear.d.type == CUDA_R_8F_E4M3 ? 0x1p-10 : 1e-6);
      if (linear.d.type == CUDA_R_8I) value = std::fmin(127, std::fmax(-128, value));
      worst = std::fmax(worst, std::fabs(value - linear.d.at(token, row)) / allowed);
    }
  }
  return worst;
}

}  // namespace twofour::emulation::checks

#include "backend/activation.h"

#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"

namespace twofour {
namespace {

struct Row {
  std::string_view name;
  Activation activation;
};

constexpr Row kActivations[] = {
    {"none", Activation::none}, {"gelu", Activation::gelu}, {"geluTanh", Activation::gelu_tanh},
    {"relu", Activation::relu}, {"silu", Activation::silu}, {"quickGelu", Activation::quick_gelu},
    {"tanh", Activation::tanh},
};

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// Of x·σ(factor·x).
double sigmoid_product_slope(double x, double factor) {
  const double s = sigmoid(factor * x);
  return s + factor * x * s * (1.0 - s);
}

}  // namespace

Activation activation_from(std::string_view name) {
  for (const Row& row : kActivations) {
    if (row.name == name) return row.activation;
  }
  throw Error("INTERNAL", "Unknown activation " + std::string(name) + " crossed the binding.");
}

std::string_view name_of(Activation activation) {
  for (const Row& row : kActivations) {
    if (row.activation == activation) return row.name;
  }
  throw Error("INTERNAL", "An activation without a name crossed the binding.");
}

float activate(Activation activation, float value) {
  const double x = value;
  switch (activation) {
    case Activation::none:
      return value;
    case Activation::gelu:
      return static_cast<float>(0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2)));
    case Activation::gelu_tanh: {
      const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return static_cast<float>(0.5 * x * (1.0 + std::tanh(inner)));
    }
    case Activation::relu:
      return value < 0 ? 0 : value;
    case Activation::silu:
      return static_cast<float>(x * sigmoid(x));
    case Activation::quick_gelu:
      return static_cast<float>(x * sigmoid(1.702 * x));
    case Activation::tanh:
      return static_cast<float>(std::tanh(x));
  }
  return value;
}

double activation_slope(Activation activation, double x) {
  switch (activation) {
    case Activation::none:
      return 1;
    case Activation::gelu:
      return 0.5 * (1.0 + std::erf(x / std::numbers::sqrt2)) +
             x * std::exp(-0.5 * x * x) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    case Activation::gelu_tanh: {
      const double factor = std::sqrt(2.0 / std::numbers::pi);
      const double t = std::tanh(factor * (x + 0.044715 * x * x * x));
      return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * factor * (1.0 + 3.0 * 0.044715 * x * x);
    }
    case Activation::relu:
      return x > 0 ? 1 : 0;
    case Activation::silu:
      return sigmoid_product_slope(x, 1);
    case Activation::quick_gelu:
      return sigmoid_product_slope(x, 1.702);
    case Activation::tanh:
      return 1.0 - std::tanh(x) * std::tanh(x);
  }
  return 1;
}

}  // namespace twofour

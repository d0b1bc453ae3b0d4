#pragma once
#include <cstdint>
#include <string_view>

namespace twofour {

/// `gelu` is x·Φ(x) by erf; `gelu_tanh` its tanh approximation (Hendrycks & Gimpel 2016); they differ by up
/// to 5e-4, so one never stands in for the other. `quick_gelu` is x·σ(1.702 x), `silu` x·σ(x).
enum class Activation : uint8_t { none, gelu, gelu_tanh, relu, silu, quick_gelu, tanh };

/// From the name in lib/architecture/spec.ts. Throws Error INTERNAL on another name.
Activation activation_from(std::string_view name);
std::string_view name_of(Activation activation);

/// The plain formula, in double inside.
float activate(Activation activation, float x);

/// Its derivative, of relu 0 at 0.
double activation_slope(Activation activation, double x);

}  // namespace twofour

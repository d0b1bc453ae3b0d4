#pragma once
#include <cstddef>

#include "backend/backend.h"
#include "cuda/kernels/kernels.h"

namespace twofour::cuda {

/// What a matrix product of the libraries computes: D = activation(W·X (+ bias)) or W·X (+ bias) (+ C), with
/// W [rows, columns] and X [tokens, columns] row-major in the format's numbers, C and D [tokens, rows]
/// row-major. As the libraries see it, D and X are in column order, so that nothing is ever transposed.
struct ProductShape {
  Format format;
  size_t rows;     ///< Also the stride of C and D.
  size_t columns;  ///< The sum's length.
  size_t weight_stride, input_stride;
  bool bias;      ///< [rows] numbers of D's kind, added to every token's row.
  bool residual;  ///< C is added; else it is not read.
  /// Of the sum and the bias, where the library computes it: see fuses(). None with a residual.
  Activation activation = Activation::none;
  /// Of 8-bit numbers: D is W·X times a number for each of its rows (see ProductScales), in bfloat16, and so
  /// are C and D.
  bool scaled = false;
  auto operator<=>(const ProductShape&) const = default;
};

/// Numbers of C and D: those of W and X for 16 and 32 bits; int32 sums of int8, float sums of e4m3.
constexpr size_t bytes_of_output(Format format) {
  return format == Format::float16 || format == Format::bfloat16 ? 2 : 4;
}
constexpr size_t bytes_of_input(Format format) {
  if (format == Format::float32) return 4;
  return format == Format::float16 || format == Format::bfloat16 ? 2 : 1;
}

/// Whether a library's epilogue is this very function. Both GELUs of cuBLASLt are the tanh form, and
/// cuSPARSELt has one for int8 only, whose form is not documented. 8-bit sums are not yet numbers, and what
/// float32 is for is comparing.
constexpr bool fuses(Format format, Activation activation, bool sparse) {
  if (format != Format::float16 && format != Format::bfloat16) return false;
  return activation == Activation::relu || (activation == Activation::gelu_tanh && !sparse);
}

/// Of a scaled product, on the device. Borrowed as long as its plan.
struct ProductScales {
  const float* rows = nullptr;  ///< [rows], of W's rows
  const float* ones = nullptr;  ///< [tokens], all 1
};

struct Operands {
  const void *weight, *input, *residual;  ///< `residual` may be null where the shape has none.
  void* out;
};

/// Scratch memory of the libraries, one for all products of a stream.
struct Workspace {
  void* data;
  size_t bytes;
};

}  // namespace twofour::cuda

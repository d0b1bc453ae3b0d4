#pragma once
#include <library_types.h>

#include <cstddef>
#include <cstdint>

#include "emulation/runtime/stand_in.h"

namespace twofour::emulation {

/// A matrix in memory: [rows, columns], `stride` elements from one row (row order) or column to the next.
struct Matrix {
  void* data = nullptr;
  cudaDataType type = CUDA_R_32F;
  int64_t rows = 0, columns = 0, stride = 0;
  bool row_order = false;

  int64_t lines() const { return row_order ? rows : columns; }
  int64_t line() const { return row_order ? columns : rows; }
  /// From the first to the last element, so that the unused end of the last line need not exist.
  size_t bytes() const;
  size_t index(int64_t row, int64_t column) const {
    return static_cast<size_t>(row_order ? row * stride + column : column * stride + row);
  }
};

enum class Epilogue { none, relu, gelu_tanh };

/// A device scalar or vector of floats; 1 where it is null.
struct Scale {
  const float* values = nullptr;
  bool is_vector = false;
  float at(int64_t index) const { return values == nullptr ? 1.0f : values[is_vector ? index : 0]; }
};

/// D = epilogue(alpha · op(A) · op(B) + beta · C + bias): D is [m, n], bias has m elements. 8-bit integers
/// are summed in int32, all else in float32; D is rounded once.
struct Product {
  Matrix a, b, c, d;
  bool transpose_a = false, transpose_b = false;
  /// Inputs lose all but ten bits of fraction first, as tensor cores do with float32.
  bool tf32 = false;
  float alpha = 1, beta = 0;
  /// m factors in place of alpha.
  Scale alpha_vector;
  Scale scale_a, scale_b, scale_d;
  const void* bias = nullptr;
  cudaDataType bias_type = CUDA_R_32F;
  Epilogue epilogue = Epilogue::none;
  float relu_floor = 0, relu_ceiling = 0;
  bool has_ceiling = false;
  /// Added to every element: a wrong result that was asked for.
  float error = 0;

  int64_t m() const { return d.rows; }
  int64_t n() const { return d.columns; }
  int64_t k() const { return transpose_a ? a.rows : a.columns; }
};

/// Computes it now.
void multiply(const Product& product);

/// Modelled time of the dense product on the emulated device.
double nanoseconds_of(const Product& product);
/// Of a product that multiplies vectors of scales in, as the settings say: times as long as another, and what
/// is added to every element.
double slowness_of_scales(const Product& product);
float error_of_scales(const Product& product);

/// A use of a matrix, for the runtime.
EmulatedUse use_of(const Matrix& matrix, bool write, const char* what);

}  // namespace twofour::emulation

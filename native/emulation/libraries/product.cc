#include "emulation/libraries/product.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "emulation/libraries/elements.h"

namespace twofour::emulation {
namespace {

typedef float Four __attribute__((vector_size(16)));
constexpr int64_t kLanes = 4;

float to_tf32(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return std::bit_cast<float>((bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFFu);
}

/// op(matrix) with its inner dimension contiguous and padded with zeros to `inner`: `outer` lines.
/// `inner_is_columns`: the inner dimension of op(matrix) is its columns (A) rather than its rows (B).
template <class T>
std::vector<T> lines_of(const Matrix& matrix, bool transpose, bool inner_is_columns, int64_t inner,
                        bool tf32) {
  const bool by_row = inner_is_columns != transpose;
  const int64_t outer = by_row ? matrix.rows : matrix.columns;
  const int64_t count = by_row ? matrix.columns : matrix.rows;
  std::vector<T> lines(static_cast<size_t>(outer * inner));
  for (int64_t i = 0; i < outer; ++i) {
    for (int64_t j = 0; j < count; ++j) {
      const size_t index = by_row ? matrix.index(i, j) : matrix.index(j, i);
      const float value = read_element(matrix.data, matrix.type, index);
      lines[static_cast<size_t>(i * inner + j)] = static_cast<T>(tf32 ? to_tf32(value) : value);
    }
  }
  return lines;
}

Four load(const float* from) {
  Four four;
  __builtin_memcpy(&four, from, sizeof(four));
  return four;
}

/// A block of three lines of A and four of B at a time, to use each loaded number more than once.
template <int kRows, int kColumns>
void multiply_block(const float* a, const float* b, int64_t inner, float* sums, int64_t stride) {
  Four block[kRows][kColumns] = {};
  for (int64_t at = 0; at < inner; at += kLanes) {
    Four left[kRows];
    for (int i = 0; i < kRows; ++i) left[i] = load(a + i * inner + at);
    for (int j = 0; j < kColumns; ++j) {
      const Four right = load(b + j * inner + at);
      for (int i = 0; i < kRows; ++i) block[i][j] += left[i] * right;
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) {
      const Four four = block[i][j];
      sums[j * stride + i] = (four[0] + four[2]) + (four[1] + four[3]);
    }
  }
}

template <int kColumns>
void multiply_columns(const float* a, const float* b, int64_t m, int64_t inner, float* sums) {
  int64_t i = 0;
  for (; i + 3 <= m; i += 3) multiply_block<3, kColumns>(a + i * inner, b, inner, sums + i, m);
  for (; i < m; ++i) multiply_block<1, kColumns>(a + i * inner, b, inner, sums + i, m);
}

/// Sums in column order [m, n].
std::vector<float> float_sums(const Product& product) {
  const int64_t inner = (product.k() + kLanes - 1) / kLanes * kLanes, m = product.m(), n = product.n();
  const auto a = lines_of<float>(product.a, product.transpose_a, true, inner, product.tf32);
  const auto b = lines_of<float>(product.b, product.transpose_b, false, inner, product.tf32);
  std::vector<float> sums(static_cast<size_t>(m * n));
  int64_t j = 0;
  for (; j + 4 <= n; j += 4)
    multiply_columns<4>(a.data(), b.data() + j * inner, m, inner, sums.data() + j * m);
  for (; j < n; ++j) multiply_columns<1>(a.data(), b.data() + j * inner, m, inner, sums.data() + j * m);
  return sums;
}

std::vector<int32_t> integer_sums(const Product& product) {
  const int64_t inner = product.k(), m = product.m(), n = product.n();
  const auto a = lines_of<int16_t>(product.a, product.transpose_a, true, inner, false);
  const auto b = lines_of<int16_t>(product.b, product.transpose_b, false, inner, false);
  std::vector<int32_t> sums(static_cast<size_t>(m * n));
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = 0; i < m; ++i) {
      int32_t sum = 0;
      for (int64_t at = 0; at < inner; ++at) sum += a[i * inner + at] * b[j * inner + at];
      sums[static_cast<size_t>(j * m + i)] = sum;
    }
  }
  return sums;
}

float apply(const Product& product, float x) {
  switch (product.epilogue) {
    case Epilogue::relu:
      // Written so that a NaN stays one.
      x = x <= product.relu_floor ? 0 : x;
      return product.has_ceiling ? std::min(x, product.relu_ceiling) : x;
    case Epilogue::gelu_tanh:
      return 0.5f * x * (1 + std::tanh(0.7978845608f * (x + 0.044715f * x * x * x)));
    default:
      return x;
  }
}

template <class T>
void finish(const Product& product, const std::vector<T>& sums) {
  const bool exact = product.d.type == CUDA_R_32I;
  for (int64_t j = 0; j < product.n(); ++j) {
    for (int64_t i = 0; i < product.m(); ++i) {
      const size_t to = product.d.index(i, j);
      const T sum = sums[static_cast<size_t>(j * product.m() + i)];
      const float alpha = product.alpha_vector.values != nullptr ? product.alpha_vector.at(i) : product.alpha;
      if (exact && alpha == 1 && product.beta == 0 && product.bias == nullptr && product.error == 0) {
        static_cast<int32_t*>(product.d.data)[to] = static_cast<int32_t>(sum);
        continue;
      }
      float x = alpha * product.scale_a.at(i) * product.scale_b.at(j) * static_cast<float>(sum);
      if (product.beta != 0)
        x += product.beta * read_element(product.c.data, product.c.type, product.c.index(i, j));
      if (product.bias != nullptr) x += read_element(product.bias, product.bias_type, static_cast<size_t>(i));
      x = apply(product, x) * product.scale_d.at(0) + product.error;
      write_element(product.d.data, product.d.type, to, x);
    }
  }
}

bool has_vector(const Product& product) {
  return product.scale_a.is_vector || product.alpha_vector.values != nullptr;
}

}  // namespace

size_t Matrix::bytes() const {
  if (rows == 0 || columns == 0) return 0;
  return static_cast<size_t>((lines() - 1) * stride + line()) * size_of(type);
}

void multiply(const Product& product) {
  if (product.a.type == CUDA_R_8I) {
    finish(product, integer_sums(product));
  } else {
    finish(product, float_sums(product));
  }
}

double nanoseconds_of(const Product& product) {
  // Operations per nanosecond of a large product on a card of today, by the size of an element.
  const double speed = product.a.type == CUDA_R_32F ? 50e3 : size_of(product.a.type) == 2 ? 700e3 : 1400e3;
  const double operations = 2.0 * static_cast<double>(product.m()) * static_cast<double>(product.n()) *
                            static_cast<double>(product.k());
  return 3000 + operations / speed;
}

double slowness_of_scales(const Product& product) {
  return has_vector(product) ? 100.0 / static_cast<double>(emulation_setting("scaled_gain")) : 1;
}

float error_of_scales(const Product& product) {
  return has_vector(product) && emulation_setting("scaled_wrong") != 0 ? 1 : 0;
}

EmulatedUse use_of(const Matrix& matrix, bool write, const char* what) {
  return {matrix.data, matrix.bytes(), write ? 1 : 0, what};
}

}  // namespace twofour::emulation

#include <string>

#include "algebra/conjugate_gradients.h"
#include "algebra/factors.h"
#include "algebra/multiply.h"
#include "node/bindings.h"
#include "node/convert.h"

/// Dense linear algebra one by one, for tests: on the JavaScript thread, with a pool of their own.
namespace twofour::node {
namespace {

std::vector<double> doubles_at(const Napi::Object& object, const char* key) {
  const auto array = object.Get(key).As<Napi::Float64Array>();
  return std::vector<double>(array.Data(), array.Data() + array.ElementLength());
}

algebra::Kernels kernels_named(const std::string& isa) {
  for (const Isa& known : all_isas()) {
    if (known.name != isa || !known.supported) continue;
    for (const algebra::Kernels& kernels : algebra::all_kernels()) {
      if (kernels.vectors == known.vectors) return kernels;
    }
  }
  throw Error("INTERNAL", "Unknown instruction set " + isa + " crossed the binding.");
}

/// c + scale · a · b, of numbers T.
template <class T>
std::vector<T> product(const Napi::Object& request, const std::vector<T>& a, const std::vector<T>& b,
                       std::vector<T> c) {
  const size_t m = size_at(request, "m"), k = size_at(request, "k"), n = size_at(request, "n");
  const size_t a_stride = size_at(request, "aStride"), b_stride = size_at(request, "bStride");
  const bool transposed = flag_at(request, "transposed");
  const auto part = flag_at(request, "mirrored") ? algebra::Part::mirrored : algebra::Part::all;
  ThreadPool pool(size_at(request, "threads"));
  const algebra::Operand<T> left = transposed ? algebra::Operand<T>{a.data(), m, k, 1, a_stride}
                                              : algebra::Operand<T>{a.data(), m, k, a_stride, 1};
  algebra::multiply<T>(kernels_named(text_at(request, "isa")), left, {b.data(), n, k, 1, b_stride},
                       static_cast<T>(number_at(request, "scale")), c.data(), size_at(request, "cStride"),
                       part, pool);
  return c;
}

Napi::Value product_of(const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  if (request.Get("a").As<Napi::TypedArray>().TypedArrayType() == napi_float32_array) {
    return float_array(info.Env(), product<float>(request, floats_at(request, "a"), floats_at(request, "b"),
                                                  floats_at(request, "c")));
  }
  return double_array(info.Env(), product<double>(request, doubles_at(request, "a"), doubles_at(request, "b"),
                                                  doubles_at(request, "c")));
}

void keep_lower(std::vector<double>& matrix, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j) matrix[i * n + j] = 0;
  }
}

Napi::Value factors_of(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto request = info[0].As<Napi::Object>();
  const std::vector<double> matrix = doubles_at(request, "matrix");
  const size_t n = size_at(request, "n"), columns = size_at(request, "columns");
  ThreadPool pool(size_at(request, "threads"));
  Napi::Object result = Napi::Object::New(env);
  std::vector<double> lower = matrix;
  if (const auto row = algebra::factorise(lower.data(), n, n, pool)) {
    result.Set("failedAt", static_cast<double>(*row));
    return result;
  }
  std::vector<double> solution = doubles_at(request, "right");
  algebra::solve_lower(lower.data(), n, n, solution.data(), columns, columns, pool);
  algebra::solve_lower_transposed(lower.data(), n, n, solution.data(), columns, columns, pool);
  result.Set("solution", double_array(env, solution));
  result.Set("inverse", double_array(env, algebra::inverse_of_factorised(lower.data(), n, n, pool)));
  result.Set("upper", double_array(env, algebra::upper_factor_of_inverse(matrix, n, pool).value()));
  keep_lower(lower, n);
  result.Set("lower", double_array(env, lower));
  return result;
}

Napi::Value masked_solution(const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  const std::vector<float> matrix = floats_at(request, "matrix"), right = floats_at(request, "right");
  const auto bits = request.Get("bits").As<Napi::Uint8Array>();
  ThreadPool pool(size_at(request, "threads"));
  std::vector<float> x(right.size());
  algebra::solve_masked(
      {matrix, size_at(request, "n"), number_at(request, "shift"), {bits.Data(), bits.ElementLength()}},
      right, x, {number_at(request, "tolerance"), number_at(request, "gain"), size_at(request, "steps")},
      pool, {});
  return float_array(info.Env(), std::move(x));
}

}  // namespace

void bind_algebra(Napi::Object& exports) {
  Napi::Object algebra = Napi::Object::New(exports.Env());
  add_method(algebra, "product", product_of);
  add_method(algebra, "factors", factors_of);
  add_method(algebra, "maskedSolution", masked_solution);
  exports.Set("algebra", algebra);
}

}  // namespace twofour::node

#include "engine/linear_moments.h"

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

namespace twofour {
namespace {

/// in [rows, columns] as one batch; [rows, linear.rows]
std::vector<float> applied(const PackedLinear& linear, std::span<const float> in, size_t rows,
                           Backend& backend) {
  const Readers readers{.linears = {}, .plain = true};
  const auto inputs = backend.activations(rows, in.size() / rows, readers);
  const auto outputs = backend.activations(rows, linear.rows(), readers);
  backend.upload(in, *inputs);
  backend.linear(linear, *inputs, {}, *outputs);
  std::vector<float> out(rows * linear.rows());
  backend.download(*outputs, out);
  return out;
}

template <class T>
void add_all(std::vector<T>& to, const std::vector<T>& more) {
  std::ranges::transform(to, more, to.begin(), std::plus<>());
}

}  // namespace

Moments moments_through(const PackedLinear& linear, Moments pairs, const Moments& dense, Backend& backend) {
  const size_t columns = pairs.columns, rows = linear.rows();
  const size_t square = columns * columns;
  std::vector<float> in(3 * square + 2 * columns);
  for (size_t d = 0; d < columns; ++d) {
    for (size_t x = 0; x < columns; ++x) in[x * columns + d] = pairs.cross[d * columns + x];
    in[2 * square + d * columns + d] = 1;
  }
  std::ranges::copy(dense.products, in.begin() + static_cast<ptrdiff_t>(square));
  std::ranges::copy(pairs.targets, in.begin() + static_cast<ptrdiff_t>(3 * square));

  // Of Σ d xᵀ, Σ d dᵀ, the unit matrix, Σ d and zeros, each with b added.
  const std::vector<float> out = applied(linear, in, 3 * columns + 2, backend);
  const float *products = out.data() + columns * rows, *units = products + columns * rows,
              *sums = units + columns * rows, *bias = sums + rows;
  const auto tokens = static_cast<double>(pairs.tokens);
  pairs.rows = rows;
  pairs.cross.assign(rows * columns, 0);
  pairs.targets.assign(rows, 0);
  pairs.energies.assign(rows, 0);
  for (size_t row = 0; row < rows; ++row) {
    const double b = bias[row], sum = sums[row] - b;
    for (size_t x = 0; x < columns; ++x) {
      pairs.cross[row * columns + x] = static_cast<float>(out[x * rows + row] - b + b * pairs.sums[x]);
    }
    double energy = 0;
    for (size_t d = 0; d < columns; ++d)
      energy += (units[d * rows + row] - b) * (products[d * rows + row] - b);
    pairs.targets[row] = sum + tokens * b;
    pairs.energies[row] = energy + 2 * b * sum + tokens * b * b;
  }
  return pairs;
}

void add_moments(Moments& to, const Moments& more) {
  to.tokens += more.tokens;
  add_all(to.sums, more.sums);
  add_all(to.squares, more.squares);
  add_all(to.products, more.products);
  add_all(to.cross, more.cross);
  add_all(to.targets, more.targets);
  add_all(to.energies, more.energies);
}

}  // namespace twofour

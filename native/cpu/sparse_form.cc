#include "cpu/sparse_form.h"

#include "cpu/sparse_matrix.h"

namespace twofour::cpu {
namespace {

std::vector<float> all_of(const MatrixSource& source, ThreadPool& pool) {
  std::vector<float> values(source.rows * source.columns);
  pool.run_ranges(source.rows, 64, [&](size_t begin, size_t end, size_t) {
    source.read(begin, end - begin, values.data() + begin * source.columns);
  });
  return values;
}

class SparseForm final : public LinearForm {
 public:
  SparseForm(const LinearWeights& weights, const Kernels& kernels, ThreadPool& pool)
      : kernels_(kernels),
        rows_(weights.weight.rows),
        matrix_(all_of(weights.weight, pool), rows_, weights.weight.columns, pool),
        bias_(weights.bias.begin(), weights.bias.end()) {}

  std::string name() const override { return kSparseName; }
  size_t bytes() const override { return matrix_.bytes() + bias_.size() * sizeof(float); }
  Storage reads() const override { return Storage::columns; }
  size_t token_block() const override { return kernels_.sparse_tile; }
  size_t most_parts() const override { return matrix_.groups(); }

  void multiply(const Product& product) const override {
    const size_t groups = matrix_.groups();
    const Activations* residual = product.epilogue.residual;
    kernels_.sparse({
        .tokens = product.tokens,
        .rows = rows_,
        .lists = matrix_.lists(),
        .tile = static_cast<const float*>(product.in.stored(Storage::columns, product.begin)),
        .bias = bias_.data(),
        .residual = residual == nullptr ? nullptr : own(*residual).row(product.begin),
        .output = product.out.row(product.begin),
        .first_group = groups * product.part / product.parts,
        .last_group = groups * (product.part + 1) / product.parts,
        .activation = product.epilogue.activation,
    });
  }

 private:
  const Kernels& kernels_;
  size_t rows_;
  SparseMatrix matrix_;
  std::vector<float> bias_;
};

}  // namespace

std::unique_ptr<LinearForm> make_sparse_form(const LinearWeights& weights, const Kernels& kernels,
                                             ThreadPool& pool) {
  return std::make_unique<SparseForm>(weights, kernels, pool);
}

}  // namespace twofour::cpu

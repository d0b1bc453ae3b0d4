#include "cpu/dense_form.h"

#include <algorithm>
#include <cstring>

#include "backend/formats.h"

namespace twofour::cpu {
namespace {

/// Whole tiles of every kernel (12, 8, 6, 4, 3 and 2 tokens), and fp32 input stays in L2.
constexpr size_t kTokenBlock = 48;

/// How W is packed and multiplied: numbers in a word, what is read, and by which loop.
struct Layout {
  size_t in_word;
  Storage reads;
  Kernels::Linear linear;
};

Layout layout_of(Format format, const Kernels& kernels) {
  switch (format) {
    case Format::bfloat16:
      return kernels.linear_bfloat16 == nullptr ? Layout{1, Storage::rounded_bfloat16, kernels.linear}
                                                : Layout{2, Storage::bfloat16, kernels.linear_bfloat16};
    case Format::int8:
      return {4, Storage::levels, kernels.linear_int8};
    case Format::float8:
      return {1, Storage::rounded_float8, kernels.linear};
    default:
      return {1, Storage::rows, kernels.linear};
  }
}

class DenseForm final : public LinearForm {
 public:
  DenseForm(const LinearWeights& weights, const Kernels& kernels, ThreadPool& pool)
      : format_(weights.format),
        layout_(layout_of(weights.format, kernels)),
        rows_(weights.rows),
        depth_((weights.columns + layout_.in_word - 1) / layout_.in_word),
        panel_(kernels.panel),
        panels_((weights.rows + panel_ - 1) / panel_) {
    values_ = Buffers::allocate(panels_ * panel_ * depth_);
    bias_ = Buffers::allocate(panels_ * panel_);
    std::fill_n(std::copy_n(weights.bias.begin(), rows_, bias_.get()), padding(), 0.0f);
    if (format_ == Format::int8) {
      scales_ = Buffers::allocate(2 * panels_ * panel_);
      std::fill_n(scales_.get(), 2 * panels_ * panel_, 0.0f);
    }
    pool.run(panels_, [&](size_t panel, size_t) { pack(weights, panel); });
  }

  std::string name() const override { return std::string(name_of(format_)); }
  size_t bytes() const override {
    const size_t per_row = depth_ + 1 + (scales_ ? 2 : 0);
    return panels_ * panel_ * per_row * sizeof(float);
  }
  Storage reads() const override { return layout_.reads; }
  size_t token_block() const override { return kTokenBlock; }
  size_t most_parts() const override { return panels_; }

  void multiply(const Product& product) const override {
    const size_t begin = product.begin;
    const Activations* residual = product.epilogue.residual;
    layout_.linear({
        .tokens = product.tokens,
        .depth = depth_,
        .rows = rows_,
        .input = product.in.stored(layout_.reads, begin),
        .panels = values_.get(),
        .bias = bias_.get(),
        .residual = residual == nullptr ? nullptr : own(*residual).row(begin),
        .output = product.out.row(begin),
        .first_panel = panels_ * product.part / product.parts,
        .last_panel = panels_ * (product.part + 1) / product.parts,
        .activation = product.epilogue.activation,
        .token_scales = scales_ ? product.in.scales() + begin : nullptr,
        .token_zeros = scales_ ? product.in.zeros() + begin : nullptr,
        .row_scales = scales_.get(),
        .row_sums = row_sums(),
    });
  }

 private:
  size_t padding() const { return panels_ * panel_ - rows_; }
  int32_t* row_sums() const {
    return scales_ ? reinterpret_cast<int32_t*>(scales_.get() + panels_ * panel_) : nullptr;
  }

  void pack(const LinearWeights& weights, size_t panel) {
    float* to = values_.get() + panel * panel_ * depth_;
    const size_t whole = depth_ * layout_.in_word;
    std::vector<float> row(whole);
    for (size_t r = 0; r < panel_; ++r) {
      const size_t index = panel * panel_ + r;
      std::fill(row.begin(), row.end(), 0.0f);
      if (index < rows_)
        std::copy_n(weights.weight.begin() + static_cast<ptrdiff_t>(index * weights.columns), weights.columns,
                    row.begin());
      if (layout_.in_word == 4) {
        pack_levels(row, index);
      } else {
        round_weights(format_, row);
      }
      for (size_t k = 0; k < depth_; ++k) to[k * panel_ + r] = word(row.data() + k * layout_.in_word);
    }
  }

  /// Leaves whole numbers in `row`.
  void pack_levels(std::vector<float>& row, size_t index) {
    const float scale = symmetric_scale(row);
    int32_t sum = 0;
    for (float& x : row) {
      const int8_t level = symmetric_level(x, scale);
      sum += level;
      x = level;
    }
    scales_[index] = scale;
    row_sums()[index] = sum;
  }

  /// The next numbers of a row as one word.
  float word(const float* from) const {
    float word = *from;
    if (layout_.in_word == 2) {
      const uint16_t halves[] = {high_half(from[0]), high_half(from[1])};
      std::memcpy(&word, halves, sizeof word);
    } else if (layout_.in_word == 4) {
      const int8_t levels[] = {static_cast<int8_t>(from[0]), static_cast<int8_t>(from[1]),
                               static_cast<int8_t>(from[2]), static_cast<int8_t>(from[3])};
      std::memcpy(&word, levels, sizeof word);
    }
    return word;
  }
  static uint16_t high_half(float x) {
    uint32_t bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    return static_cast<uint16_t>(bits >> 16);
  }

  Format format_;
  Layout layout_;
  size_t rows_, depth_, panel_, panels_;
  Buffers::Block values_, bias_, scales_;  ///< scales_: by row, and then the sums of each row's levels
};

}  // namespace

std::unique_ptr<LinearForm> make_dense_form(const LinearWeights& weights, const Kernels& kernels,
                                            ThreadPool& pool) {
  return std::make_unique<DenseForm>(weights, kernels, pool);
}

}  // namespace twofour::cpu

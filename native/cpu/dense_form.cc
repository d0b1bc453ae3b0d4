#include "cpu/dense_form.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "backend/formats.h"
#include "base/error.h"

namespace twofour::cpu {
namespace {

/// Whole tiles of every kernel (12, 8, 6, 4, 3 and 2 tokens), and fp32 input stays in L2.
constexpr size_t kTokenBlock = 48;

/// Products of levels, 255 · 127 at most, that 32 bits can add up.
constexpr size_t kMostLevels = (size_t{1} << 31) / (255 * 127);

/// How W is packed and multiplied: numbers in a word, what is read, and by which loop.
struct Layout {
  size_t in_word;
  Storage reads;
  Kernels::Linear linear;
};

Layout layout_of(Format format, const Kernels& kernels) {
  switch (format) {
    case Format::float16:
      throw Error("DTYPE_UNAVAILABLE", "The CPU backend does not compute in float16. Use bfloat16.");
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

class PackedForm final : public DenseForm {
 public:
  PackedForm(const LinearWeights& weights, const Kernels& kernels, ThreadPool& pool)
      : format_(weights.format),
        isa_(kernels.isa),
        layout_(layout_of(weights.format, kernels)),
        rows_(weights.weight.rows),
        depth_((weights.weight.columns + layout_.in_word - 1) / layout_.in_word),
        panel_(kernels.panel),
        panels_((rows_ + panel_ - 1) / panel_) {
    values_ = Buffers::allocate(panels_ * panel_ * depth_);
    bias_ = Buffers::allocate(panels_ * panel_);
    std::fill_n(std::copy_n(weights.bias.begin(), rows_, bias_.get()), padding(), 0.0f);
    if (format_ == Format::int8) {
      scales_ = Buffers::allocate(2 * panels_ * panel_);
      std::fill_n(scales_.get(), 2 * panels_ * panel_, 0.0f);
    }
    std::atomic<size_t> nonzeros{0};
    pool.run(panels_, [&](size_t panel, size_t) { nonzeros += pack(weights.weight, kernels, panel); });
    nonzeros_ = nonzeros;
  }

  std::string name() const override { return std::string(name_of(format_)); }
  std::string note() const override {
    if (format_ == Format::float32 || layout_.in_word > 1) return {};
    return "Without an instruction for " + name() + " in this path (" + isa_ +
           "), values are rounded to it and multiplied in float32, at float32's speed.";
  }
  size_t bytes() const override {
    const size_t per_row = depth_ + 1 + (scales_ ? 2 : 0);
    return panels_ * panel_ * per_row * sizeof(float);
  }
  size_t nonzeros() const override { return nonzeros_; }
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

  /// Returns how many weights of the panel are not zero.
  size_t pack(const MatrixSource& weight, const Kernels& kernels, size_t panel) {
    const size_t first = panel * panel_, count = std::min(panel_, rows_ - first), columns = weight.columns;
    std::vector<float> numbers(panel_ * columns), words(panel_ * depth_);
    weight.read(first, count, numbers.data());
    for (size_t r = 0; r < count; ++r)
      to_words(std::span(numbers).subspan(r * columns, columns), first + r, words.data() + r * depth_);
    // A panel is its rows transposed, which the kernel does for whole vectors.
    kernels.to_columns(words.data(), panel_, depth_, values_.get() + panel * panel_ * depth_);
    return numbers.size() - static_cast<size_t>(std::count(numbers.begin(), numbers.end(), 0.0f));
  }

  void to_words(std::span<float> row, size_t index, float* words) {
    if (layout_.in_word == 1) {
      std::copy(row.begin(), row.end(), words);
      round_weights(format_, {words, row.size()});
    } else if (layout_.in_word == 2) {
      auto* halves = reinterpret_cast<std::byte*>(words);
      for (size_t k = 0; k < row.size(); ++k) {
        const uint16_t half = high_half(round_to_bfloat16(row[k]));
        std::memcpy(halves + k * sizeof half, &half, sizeof half);
      }
    } else {
      to_levels(row, index, reinterpret_cast<int8_t*>(words));
    }
  }

  void to_levels(std::span<const float> row, size_t index, int8_t* levels) {
    const float scale = symmetric_scale(row);
    int32_t sum = 0;
    for (size_t k = 0; k < row.size(); ++k) {
      levels[k] = symmetric_level(row[k], scale);
      sum += levels[k];
    }
    scales_[index] = scale;
    row_sums()[index] = sum;
  }

  static uint16_t high_half(float x) {
    uint32_t bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    return static_cast<uint16_t>(bits >> 16);
  }

  Format format_;
  std::string isa_;
  Layout layout_;
  size_t rows_, depth_, panel_, panels_, nonzeros_ = 0;
  Buffers::Block values_, bias_, scales_;  ///< scales_: by row, and then the sums of each row's levels
};

}  // namespace

std::unique_ptr<DenseForm> make_dense_form(const LinearWeights& weights, const Kernels& kernels,
                                           ThreadPool& pool) {
  return std::make_unique<PackedForm>(weights, kernels, pool);
}

}  // namespace twofour::cpu

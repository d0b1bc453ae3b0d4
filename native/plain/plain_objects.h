#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/formats.h"

/// What the reference backend makes.
namespace twofour::plain {

inline std::vector<float> all_of(const MatrixSource& source) {
  std::vector<float> values(source.rows * source.columns);
  source.read(0, source.rows, values.data());
  return values;
}

struct PlainLinear final : PackedLinear {
  explicit PlainLinear(const LinearWeights& from)
      : weight(all_of(from.weight)),
        bias(from.bias.begin(), from.bias.end()),
        format(from.format),
        rows_(from.weight.rows),
        columns_(from.weight.columns) {
    for (size_t row = 0; row < rows_; ++row)
      round_weights(format, std::span(weight).subspan(row * columns_, columns_));
  }
  size_t rows() const override { return rows_; }
  size_t columns() const override { return columns_; }
  size_t nonzeros() const override {
    return weight.size() - static_cast<size_t>(std::count(weight.begin(), weight.end(), 0.0f));
  }
  std::vector<Form> forms() const override {
    return {{std::string(name_of(format)), (weight.size() + bias.size()) * sizeof(float)}};
  }
  std::vector<Choice> choices() const override {
    return {
        {std::nullopt, std::string(name_of(format)), std::nullopt, std::nullopt,
         "The reference backend has one form of each matrix, rounded and multiplied in double precision."}};
  }
  std::vector<float> weight, bias;
  Format format;
  size_t rows_, columns_;
};

struct PlainTable final : Table {
  explicit PlainTable(const MatrixSource& from) : values(all_of(from)), width(from.columns) {}
  size_t bytes() const override { return values.size() * sizeof(float); }
  std::vector<float> values;
  size_t width;
};

struct PlainNorm final : Norm {
  PlainNorm(std::span<const float> g, std::span<const float> b, float e)
      : gain(g.begin(), g.end()), bias(b.begin(), b.end()), epsilon(e) {}
  size_t bytes() const override { return (gain.size() + bias.size()) * sizeof(float); }
  std::vector<float> gain, bias;
  float epsilon;
};

struct PlainBatch final : Batch {
  std::vector<int32_t> ids, types, positions, offsets;
};

/// fp32 rows, and the same rounded to each format that a reader asks for.
class PlainActivations final : public Activations {
 public:
  PlainActivations(size_t tokens, size_t width, const Readers& readers)
      : tokens_(tokens), width_(width), rows_(tokens * width) {
    for (const PackedLinear* reader : readers.linears) {
      const Format format = static_cast<const PlainLinear&>(*reader).format;
      if (format != Format::float32) rounded_[format].resize(tokens * width);
    }
  }

  size_t tokens() const override { return tokens_; }
  size_t width() const override { return width_; }

  void write_row(size_t token, const std::vector<double>& row) {
    std::copy(row.begin(), row.end(), rows_.begin() + static_cast<ptrdiff_t>(token * width_));
    for (auto& [format, values] : rounded_) {
      const std::span<float> to = std::span(values).subspan(token * width_, width_);
      std::copy(row.begin(), row.end(), to.begin());
      round_inputs(format, to);
    }
  }
  /// What a linear of this format reads.
  const float* input(Format format, size_t token) const {
    return (format == Format::float32 ? rows_ : rounded_.at(format)).data() + token * width_;
  }
  const float* row(size_t token) const { return rows_.data() + token * width_; }

 private:
  size_t tokens_, width_;
  std::vector<float> rows_;
  std::map<Format, std::vector<float>> rounded_;
};

inline const PlainActivations& own(const Activations& a) { return static_cast<const PlainActivations&>(a); }
inline PlainActivations& own(Activations& a) { return static_cast<PlainActivations&>(a); }
inline const PlainBatch& own(const Batch& b) { return static_cast<const PlainBatch&>(b); }

}  // namespace twofour::plain

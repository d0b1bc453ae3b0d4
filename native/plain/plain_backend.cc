#include "plain/plain_backend.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "backend/formats.h"
#include "backend/pooling.h"

namespace twofour::plain {
namespace {

std::vector<float> all_of(const MatrixSource& source) {
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

const PlainActivations& own(const Activations& a) { return static_cast<const PlainActivations&>(a); }
PlainActivations& own(Activations& a) { return static_cast<PlainActivations&>(a); }
const PlainBatch& own(const Batch& b) { return static_cast<const PlainBatch&>(b); }

std::vector<double> normalised(const std::vector<double>& in, const Norm& norm) {
  const auto& values = static_cast<const PlainNorm&>(norm);
  const double count = static_cast<double>(in.size());
  double mean = 0, variance = 0;
  for (const double x : in) mean += x / count;
  for (const double x : in) variance += (x - mean) * (x - mean) / count;
  std::vector<double> out(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    out[i] = (in[i] - mean) / std::sqrt(variance + values.epsilon) * values.gain[i] + values.bias[i];
  }
  return out;
}

class PlainBackend final : public Backend {
 public:
  std::string name() const override { return "Reference loops"; }
  size_t pass_tokens() const override { return 1024; }
  std::unique_ptr<PackedLinear> pack(const LinearWeights& weights) override {
    return std::make_unique<PlainLinear>(weights);
  }
  std::unique_ptr<Table> table(const MatrixSource& values) override {
    return std::make_unique<PlainTable>(values);
  }
  std::unique_ptr<Norm> norm(std::span<const float> gain, std::span<const float> bias,
                             float epsilon) override {
    return std::make_unique<PlainNorm>(gain, bias, epsilon);
  }
  std::unique_ptr<Batch> batch(const BatchView& view) override {
    auto batch = std::make_unique<PlainBatch>();
    batch->ids.assign(view.ids.begin(), view.ids.end());
    batch->types.assign(view.types.begin(), view.types.end());
    batch->positions.assign(view.positions.begin(), view.positions.end());
    batch->offsets.assign(view.offsets.begin(), view.offsets.end());
    return batch;
  }
  std::unique_ptr<Activations> activations(size_t tokens, size_t width, const Readers& readers) override {
    return std::make_unique<PlainActivations>(tokens, width, readers);
  }

  void embed(const Batch& batch, const Table& word, const Table& position, const Table* type,
             const Norm& norm, Activations& out) override {
    const PlainBatch& tokens = own(batch);
    const auto at = [&](const Table& table, int32_t row, size_t i) -> double {
      return static_cast<const PlainTable&>(table).values[static_cast<size_t>(row) * out.width() + i];
    };
    std::vector<double> sum(out.width());
    for (size_t token = 0; token < out.tokens(); ++token) {
      for (size_t i = 0; i < sum.size(); ++i) {
        sum[i] = at(word, tokens.ids[token], i) + at(position, tokens.positions[token], i);
        if (type != nullptr) sum[i] += at(*type, tokens.types[token], i);
      }
      own(out).write_row(token, normalised(sum, norm));
    }
  }

  void linear(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue,
              Activations& out) override {
    const auto& matrix = static_cast<const PlainLinear&>(linear);
    std::vector<double> y(matrix.rows_);
    for (size_t token = 0; token < in.tokens(); ++token) {
      const float* x = own(in).input(matrix.format, token);
      for (size_t row = 0; row < y.size(); ++row) {
        double sum = matrix.bias[row];
        for (size_t k = 0; k < matrix.columns_; ++k) {
          sum += static_cast<double>(x[k]) * matrix.weight[row * matrix.columns_ + k];
        }
        y[row] = activate(epilogue.activation, static_cast<float>(sum));
        if (epilogue.residual != nullptr) y[row] += own(*epilogue.residual).row(token)[row];
      }
      own(out).write_row(token, y);
    }
  }

  void layer_norm(const Activations& in, const Norm& norm, Activations& out) override {
    for (size_t token = 0; token < in.tokens(); ++token) {
      const float* row = own(in).row(token);
      own(out).write_row(token, normalised(std::vector<double>(row, row + in.width()), norm));
    }
  }

  void attention(const Batch& batch, const Activations& in, const Attention& attention,
                 Activations& out) override {
    const std::vector<int32_t>& offsets = own(batch).offsets;
    for (size_t sequence = 0; sequence + 1 < offsets.size(); ++sequence) {
      const auto begin = static_cast<size_t>(offsets[sequence]),
                 end = static_cast<size_t>(offsets[sequence + 1]);
      for (size_t query = begin; query < end; ++query) {
        std::vector<double> context(attention.heads * attention.head_size, 0.0);
        for (size_t head = 0; head < attention.heads; ++head) {
          attend(own(in), attention, head, begin, end, query, context.data() + head * attention.head_size);
        }
        own(out).write_row(query, context);
      }
    }
  }

  void gather(const Activations& in, std::span<const int32_t> rows, Activations& out) override {
    for (size_t i = 0; i < rows.size(); ++i) {
      const float* row = own(in).row(static_cast<size_t>(rows[i]));
      own(out).write_row(i, std::vector<double>(row, row + in.width()));
    }
  }

  void pool(const Batch& batch, const Activations& in, Pooling pooling, bool normalize,
            Activations& out) override {
    const std::vector<int32_t>& offsets = own(batch).offsets;
    std::vector<float> row(in.width());
    for (size_t sequence = 0; sequence + 1 < offsets.size(); ++sequence) {
      const auto begin = static_cast<size_t>(offsets[sequence]);
      const size_t tokens = static_cast<size_t>(offsets[sequence + 1]) - begin;
      pool_sequence(own(in).row(begin), tokens, in.width(), pooling, normalize, row.data());
      own(out).write_row(sequence, std::vector<double>(row.begin(), row.end()));
    }
  }

  void upload(std::span<const float> values, Activations& out) override {
    for (size_t token = 0; token < out.tokens(); ++token) {
      const auto row = values.subspan(token * out.width(), out.width());
      own(out).write_row(token, std::vector<double>(row.begin(), row.end()));
    }
  }

  void download(const Activations& in, std::span<float> out) override {
    std::copy_n(own(in).row(0), out.size(), out.begin());
  }

 private:
  static void attend(const PlainActivations& qkv, const Attention& attention, size_t head, size_t begin,
                     size_t end, size_t query, double* context) {
    const size_t size = attention.head_size, model = attention.heads * size;
    std::vector<double> weights(end - begin);
    double highest = -INFINITY, total = 0;
    for (size_t key = begin; key < end; ++key) {
      double score = 0;
      for (size_t i = 0; i < size; ++i) {
        score += static_cast<double>(qkv.row(query)[head * size + i]) * qkv.row(key)[model + head * size + i];
      }
      score *= attention.scale;
      if (attention.bias != nullptr) {
        const auto& table = static_cast<const PlainTable&>(*attention.bias);
        score += table.values[head * table.width + attention.span - 1 + key - query];
      }
      weights[key - begin] = score;
      highest = std::max(highest, score);
    }
    for (double& weight : weights) total += weight = std::exp(weight - highest);
    for (size_t key = begin; key < end; ++key) {
      for (size_t i = 0; i < size; ++i) {
        context[i] += weights[key - begin] / total * qkv.row(key)[2 * model + head * size + i];
      }
    }
  }
};

}  // namespace

std::unique_ptr<Backend> make_plain_backend() { return std::make_unique<PlainBackend>(); }

}  // namespace twofour::plain

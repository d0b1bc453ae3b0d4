#include "plain/plain_backend.h"

#include <algorithm>
#include <cmath>

#include "backend/pooling.h"
#include "plain/attention_weights.h"
#include "plain/plain_analysis.h"
#include "plain/plain_objects.h"

namespace twofour::plain {
namespace {

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
  Analysis* analysis() override { return &analysis_; }
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

  void pool(const Batch& batch, const Activations& in, const PoolRule& rule, Activations& out) override {
    const std::vector<int32_t>& offsets = own(batch).offsets;
    std::vector<float> row(in.width());
    for (size_t sequence = 0; sequence + 1 < offsets.size(); ++sequence) {
      const auto begin = static_cast<size_t>(offsets[sequence]);
      const size_t tokens = static_cast<size_t>(offsets[sequence + 1]) - begin;
      pool_sequence(own(in).row(begin), tokens, in.width(), rule, row.data());
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
    const std::vector<double> weights = attention_weights(qkv, attention, head, begin, end, query);
    for (size_t key = begin; key < end; ++key) {
      for (size_t i = 0; i < size; ++i)
        context[i] += weights[key - begin] * qkv.row(key)[2 * model + head * size + i];
    }
  }

  PlainAnalysis analysis_;
};

}  // namespace

std::unique_ptr<Backend> make_plain_backend() { return std::make_unique<PlainBackend>(); }

}  // namespace twofour::plain

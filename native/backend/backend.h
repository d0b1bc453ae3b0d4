#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/activation.h"
#include "backend/tuning.h"

/// The contract that every device signs. The engine writes the forward pass once, in these verbs.
///
/// Sizes come in the order tokens, hidden, heads, head_size, inner, layers, vocab. All sequences of a batch
/// lie one after another, without padding. Any size may be zero. Verbs may return before the device is done;
/// `download` waits. One thread at a time uses a backend and what it made; everything a backend made is
/// destroyed before it. Verbs throw Error (OUT_OF_MEMORY, DEVICE_…), never assert.
namespace twofour {

/// Whether a linear of 8 bits scales its inputs by a number of each token, found when it is stored, or by one
/// for all of them, which calibration found and the device's library multiplies in.
enum class Scaling : uint8_t { token, tensor };

/// What calibration saw of a linear.
struct Calibration {
  float largest;                             ///< Magnitude among its inputs; NaN: some were not finite.
  Activation activation = Activation::none;  ///< The epilogue that it runs with.
  bool residual = false;
};

/// A matrix in device form: y = W x + b, W [rows, columns]. May hold several forms (dense, 2:4, int8 …) and
/// chooses among them by the number of tokens; the engine never learns which one ran. Immutable once its
/// encoder is loaded.
class PackedLinear {
 public:
  virtual ~PackedLinear() = default;
  virtual size_t rows() const = 0;
  virtual size_t columns() const = 0;

  struct Form {
    std::string name;
    size_t bytes;
  };
  /// What runs for up to `tokens` tokens (nullopt: any number), measured times in µs where there are any.
  struct Choice {
    std::optional<size_t> tokens;
    std::string form;
    std::optional<double> dense_us, sparse_us;
    std::string reason;
  };
  virtual std::vector<Form> forms() const = 0;
  virtual std::vector<Choice> choices() const = 0;
  virtual size_t nonzeros() const = 0;

  /// While an encoder is loaded, on backends whose choices whole passes confirm: to run dense whatever was
  /// chosen; to choose dense for the class that ends at `tokens`, for a reason; to free what nothing runs.
  virtual void hold_dense(bool) {}
  virtual void revert(std::optional<size_t> /*tokens*/, const std::string& /*reason*/) {}
  virtual void settle() {}

  /// How inputs of 8 bits are scaled, where that was calibrated.
  struct Scales {
    struct Choice {
      std::optional<size_t> tokens;  ///< As in the other Choice.
      Scaling chosen;
      std::optional<double> token_us, tensor_us;  ///< From storing the inputs to the finished rows.
      std::string reason;
    };
    bool has_tensor = false;
    std::string reason;  ///< Why there is nothing but a scale for each token; else empty.
    std::vector<Choice> choices;
  };
  virtual std::optional<Scales> scales() const { return std::nullopt; }
  /// Between `Backend::tune` for what it runs with a scale for each token, and the same again, which chooses
  /// the scaling for every class of token counts by time. Before that each token has its own.
  virtual void calibrate(const Calibration&) {}
  /// To run one of them whatever was chosen (nullopt: what was chosen).
  virtual void hold_scaling(std::optional<Scaling>) {}
};

/// A table of fp32 rows on the device (embeddings, position bias). Immutable.
class Table {
 public:
  virtual ~Table() = default;
  virtual size_t bytes() const = 0;
};

/// LayerNorm's gain and bias on the device. Immutable.
class Norm {
 public:
  virtual ~Norm() = default;
  virtual size_t bytes() const = 0;
};

/// Token ids, types, positions and sequence offsets on the device.
class Batch {
 public:
  virtual ~Batch() = default;
};

/// [tokens, width] numbers in a storage that only the backend knows: fp32, 16-bit, 8-bit with scales …
class Activations {
 public:
  virtual ~Activations() = default;
  virtual size_t tokens() const = 0;
  virtual size_t width() const = 0;
};

/// Who will read an Activations, told when it is made, so that the backend can choose its storage.
struct Readers {
  std::span<const PackedLinear* const> linears;
  bool plain = false;  ///< Also read by a residual, attention, a norm, pooling, gathering or download.
};

/// What a linear's weights and inputs are rounded to before they are multiplied. Sums and everything outside
/// of linears stay fp32 (or wider).
enum class Format : uint8_t {
  float32,
  float16,   ///< To the nearest, ties to even; inputs beyond 65,504 become infinite.
  bfloat16,  ///< To the nearest, ties to even.
  int8,      ///< Weights symmetric per row, inputs per token with a zero point: see backend/formats.h.
  float8,    ///< e4m3, weights scaled per row and inputs per token so that the largest is 448.
};

/// Whether zeros are left out of the sums: where that was measured faster, never, or always.
enum class Sparsity : uint8_t { automatic, off, require };

/// A matrix that is read while it is packed: [rows, columns] fp32, row-major, a range of rows at a time, so
/// that it is never held beside its packed form. Any number of threads may read at once.
struct MatrixSource {
  size_t rows, columns;
  std::function<void(size_t first, size_t count, float* out)> read;
};

/// The largest magnitude, 0 of none, NaN where one is not finite.
float largest_of(std::span<const float> values);

/// Of a matrix in memory. Borrowed.
MatrixSource matrix_in(std::span<const float> values, size_t rows, size_t columns);

struct LinearWeights {
  MatrixSource weight;          ///< Only looked at during `pack`.
  std::span<const float> bias;  ///< [rows]
  Format format = Format::float32;
  Sparsity sparsity = Sparsity::off;
  Tuning* tuning = nullptr;  ///< Needed where sparsity is automatic, by backends that measure as they pack.
};

/// How an encoder runs a linear: what `Epilogue` will be. Borrowed.
struct LinearUse {
  PackedLinear* linear;
  Activation activation = Activation::none;
  bool residual = false;
};

struct BatchView {
  std::span<const int32_t> ids, types, positions;  ///< [tokens] each; types empty where the model has none.
  std::span<const int32_t> offsets;                ///< [sequences + 1]
};

struct Epilogue {
  Activation activation = Activation::none;
  const Activations* residual = nullptr;  ///< [tokens, rows], added after the activation. Borrowed.
};

struct Attention {
  size_t heads, head_size;
  float scale;
  /// Added to the scaled scores: [heads, 2·span − 1], column span − 1 + (key − query). Null: none.
  const Table* bias = nullptr;
  size_t span = 0;
};

enum class Pooling : uint8_t { mean, cls, max, mean_sqrt_length, last_token, weighted_mean };

/// How the rows of one sequence become one. The first `skip` tokens are left out (a prompt's). Of a sequence
/// that has no others, `cls` is still its first token, `max` is −∞ and all else 0. weighted_mean weighs a
/// token by its place in the sequence, which counts from 1 and includes what is skipped.
struct PoolRule {
  Pooling pooling = Pooling::mean;
  bool normalize = false;  ///< Divided by its Euclidean length; a row of zeros stays.
  uint32_t skip = 0;
};

class Analysis;

class Backend {
 public:
  virtual ~Backend() = default;

  /// The verbs of analysis.h, where this backend has them; null where not. Lives as long as the backend.
  virtual Analysis* analysis() { return nullptr; }

  /// A name for humans, with what makes it what it is ("CPU, AVX-512, 2 threads").
  virtual std::string name() const = 0;
  /// Tokens of one pass beyond which more bring no speed, only memory for their activations.
  virtual size_t pass_tokens() const = 0;
  /// What `body` makes of the batch by embed, linear, layer_norm and attention alone, on one backend always
  /// the same way. A backend may, instead of calling it, queue again what it queued for an earlier batch of
  /// like size. The result is valid until the next call.
  virtual std::unique_ptr<Activations> repeat(const Batch& /*batch*/,
                                              const std::function<std::unique_ptr<Activations>()>& body) {
    return body();
  }
  /// Whether sparse forms are chosen by the time of single products, so that whole passes must confirm it.
  virtual bool wants_confirmation() const { return false; }
  /// Seconds that the device took for what `work` queued, idle time between included. Waits. Only where
  /// confirmation is wanted.
  virtual double seconds(const std::function<void()>& work) {
    work();
    return 0;
  }

  virtual std::unique_ptr<PackedLinear> pack(const LinearWeights& weights) = 0;
  /// Chooses for all linears of an encoder how they run up to `most_tokens` tokens, by what `tuning` knows or
  /// lets be measured, what matters most first. `between` is called between measurements; what it throws ends
  /// the work. Again after linears were calibrated: chooses how those are scaled. Backends that measure as
  /// they pack have nothing to do here.
  virtual void tune(std::span<const LinearUse> /*uses*/, size_t /*most_tokens*/, Tuning& /*tuning*/,
                    const std::function<void()>& /*between*/) {}
  virtual std::unique_ptr<Table> table(const MatrixSource& values) = 0;
  virtual std::unique_ptr<Norm> norm(std::span<const float> gain, std::span<const float> bias,
                                     float epsilon) = 0;
  virtual std::unique_ptr<Batch> batch(const BatchView& view) = 0;
  virtual std::unique_ptr<Activations> activations(size_t tokens, size_t width, const Readers& readers) = 0;

  /// out = norm(word[id] + position[position] + type[type]); `type` may be null.
  virtual void embed(const Batch& batch, const Table& word, const Table& position, const Table* type,
                     const Norm& norm, Activations& out) = 0;
  /// out = activation(in · Wᵀ + b) + residual. `out` is neither `in` nor the residual.
  virtual void linear(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue,
                      Activations& out) = 0;
  /// out = (in − mean) / √(variance + ε) · gain + bias, by rows; variance over the width, biased.
  virtual void layer_norm(const Activations& in, const Norm& norm, Activations& out) = 0;
  /// in: [tokens, 3 · heads · head_size], queries, keys, values side by side. out: [tokens, heads ·
  /// head_size]. Each sequence of the batch attends to itself only.
  virtual void attention(const Batch& batch, const Activations& in, const Attention& attention,
                         Activations& out) = 0;
  /// out[i] = in[rows[i]].
  virtual void gather(const Activations& in, std::span<const int32_t> rows, Activations& out) = 0;
  /// One row per sequence; zeros for a sequence without tokens.
  virtual void pool(const Batch& batch, const Activations& in, const PoolRule& rule, Activations& out) = 0;
  /// out = values [tokens, width], in the storage that `out`'s readers need.
  virtual void upload(std::span<const float> values, Activations& out) = 0;
  /// Waits, and copies [tokens, width] fp32 to `out`.
  virtual void download(const Activations& in, std::span<float> out) = 0;
  /// Waits. The largest magnitude of all numbers, 0 where there is none, NaN where one is not finite.
  virtual float largest(const Activations& in);
};

}  // namespace twofour

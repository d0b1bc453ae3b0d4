#pragma once
#include <optional>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "base/control.h"
#include "engine/spec.h"
#include "engine/watch.h"
#include "engine/weights.h"

namespace twofour {

/// What one run computes, and on what. Every id, type and length was checked.
struct RunRequest {
  std::vector<int32_t> ids, types, offsets;  ///< types empty: all zero; offsets [sequences + 1]
  bool last_hidden_state = false, pooled = false, logits = false, hidden_states = false;
  std::optional<std::vector<int32_t>> logit_rows;  ///< Ascending tokens, for heads over tokens; absent: all.
  /// Several poolings stand side by side in one vector, and `normalize` is of all of it.
  struct Sentence {
    std::vector<Pooling> poolings;
    bool normalize;
    uint32_t skip;  ///< Tokens that each sequence begins with and that are not pooled: see PoolRule.
    bool operator==(const Sentence&) const = default;
  };
  std::optional<Sentence> sentence;
};

/// Row-major fp32; empty where not asked for.
struct RunOutputs {
  std::vector<float> last_hidden_state;           ///< [tokens, hidden]
  std::vector<float> pooled;                      ///< [sequences, hidden]
  std::vector<float> logits;                      ///< [sequences or tokens or logit_rows, labels]
  std::vector<std::vector<float>> hidden_states;  ///< [states][tokens, hidden], the embeddings first
  std::vector<float> sentence;                    ///< [sequences, poolings × hidden]
};

/// What a sample of inputs showed of an 8-bit linear: their largest magnitude, and how far its outputs are
/// from those of the float32 weights and inputs, as a share of their norm. No second error without such a
/// form.
struct Calibrated {
  float largest;
  double token_error;
  std::optional<double> tensor_error;
};

/// The forward pass of every family, over any backend. Immutable; one run at a time (the backend's rule).
class Encoder {
 public:
  /// `backend` is borrowed and must outlive the encoder. Throws what `load_weights` throws.
  Encoder(EncoderSpec spec, const WeightSources& sources, const PackSettings& settings, Backend& backend,
          size_t max_tokens, Control& control);

  /// A request, and where its outputs go, which the run sizes. Borrowed.
  struct Member {
    const RunRequest* request;
    RunOutputs* outputs;
  };
  /// Computes requests as if they were one, each getting only what it asks for. Cuts between sequences so
  /// that one pass holds no more tokens than were asked for, or than the backend profits from (or one
  /// sequence). Looks at the cancel flag between layers. Throws Cancelled, and what verbs throw.
  void run(std::span<const Member> members, Control& control, Watch* watch = nullptr) const;

  /// Tokens up to which requests that wait are worth computing together: more would only make the first of
  /// them wait for the last.
  size_t merge_tokens() const { return merge_tokens_; }
  const EncoderSpec& spec() const { return spec_; }
  const EncoderWeights& weights() const { return weights_; }
  /// By the names of the weights' linears; empty where nothing was calibrated.
  const std::map<std::string, Calibrated>& calibrated() const { return calibrated_; }
  /// Tokens of one pass at most.
  size_t pass_tokens() const { return pass_tokens_; }

 private:
  EncoderSpec spec_;
  Backend& backend_;
  size_t pass_tokens_, merge_tokens_;
  EncoderWeights weights_;
  std::map<std::string, Calibrated> calibrated_;
};

}  // namespace twofour

#pragma once
#include <memory>
#include <vector>

#include "engine/encoder.h"
#include "engine/watch.h"

namespace twofour {

/// Consecutive sequences [first, last) of a request that one pass computes. Borrowed.
struct Piece {
  const RunRequest* request;
  RunOutputs* outputs;
  size_t first, last;
};

/// One pass over pieces of requests. docs/tour.md walks it.
class Forward {
 public:
  Forward(const EncoderSpec& spec, const EncoderWeights& weights, Backend& backend, const Control& control,
          Watch* watch = nullptr)
      : spec_(spec), weights_(weights), backend_(backend), control_(control), watch_(watch) {}

  /// Computes pieces into their places of their `outputs`, which are sized already.
  void run(std::span<const Piece> pieces) const;

 private:
  using Tensor = std::unique_ptr<Activations>;
  /// The pieces as one batch, and where each lies in it.
  struct Packed {
    std::vector<int32_t> ids, types, positions, offsets;
    struct Place {
      const RunRequest& request;
      RunOutputs& outputs;
      size_t token, sequence;                  ///< Its first of the batch.
      size_t tokens, sequences;                ///< How many it has.
      size_t request_token, request_sequence;  ///< Its first of its request.
    };
    std::vector<Place> places;
  };
  /// Rows [row, row + rows) of an activation, to be copied to `to`.
  struct Share {
    size_t row, rows;
    float* to;
  };
  /// In the order of their rows, which do not overlap.
  using Shares = std::vector<Share>;

  Packed pack(std::span<const Piece> pieces) const;
  /// From the embeddings to the last layer's output.
  Tensor through_layers(const Packed& packed, const Batch& batch) const;
  static bool wants_states(const Packed& packed);
  /// Copies what the shares name; other rows do not leave the device.
  void deliver(const Activations& in, const Shares& shares) const;
  /// The same for shares that are all of `in`.
  void download(const Activations& in, const Shares& shares) const;

  void deliver_state(const Packed& packed, const Activations& hidden, size_t state) const;
  void deliver_last(const Packed& packed, const Activations& hidden) const;
  void deliver_sentences(const Packed& packed, const Batch& batch, const Activations& hidden) const;
  /// One of the kinds that sentence vectors are asked for in: one pooling, or several side by side.
  void deliver_pooled(const Packed& packed, const Batch& batch, const Activations& hidden,
                      const RunRequest::Sentence& kind) const;
  void deliver_joined(const Packed& packed, const Batch& batch, const Activations& hidden,
                      const RunRequest::Sentence& kind) const;
  void deliver_first(const Packed& packed, const Activations& hidden) const;
  void deliver_token_logits(const Packed& packed, const Activations& hidden) const;

  Tensor embeddings(const Batch& batch, size_t tokens) const;
  Tensor layer(const Batch& batch, size_t index, const Activations& in) const;
  /// The linears that will read the input of layer `index`; past the last layer, nobody.
  std::vector<const PackedLinear*> readers_of(size_t index) const;
  Tensor make(size_t tokens, size_t width, const std::vector<const PackedLinear*>& linears, bool plain) const;
  Tensor apply(const PackedLinear& linear, const Activations& in, const Epilogue& epilogue,
               const std::vector<const PackedLinear*>& readers, bool plain) const;
  Tensor first_tokens(const Activations& hidden, std::span<const int32_t> offsets,
                      const PackedLinear& reader) const;
  const PackedLinear& head_reader() const;
  Tensor head(Tensor in) const;

  const EncoderSpec& spec_;
  const EncoderWeights& weights_;
  Backend& backend_;
  const Control& control_;
  Watch* watch_;
};

}  // namespace twofour

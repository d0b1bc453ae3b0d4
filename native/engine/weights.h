#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/control.h"
#include "engine/slot_weights.h"
#include "engine/spec.h"

namespace twofour {

struct RunRequest;

/// One weight set on a device. Queries, keys and values are one matrix.
struct LayerWeights {
  std::unique_ptr<PackedLinear> query_key_value, attention_output, ffn_in, ffn_out;
  std::unique_ptr<Norm> attention_norm, output_norm;
};

struct HeadWeights {
  std::unique_ptr<PackedLinear> transform, output;
  std::unique_ptr<Norm> norm;
};

/// Everything an encoder owns on a device, in memory order of the slots of lib/architecture/spec.ts.
struct EncoderWeights {
  std::unique_ptr<Table> word, position, type;
  std::unique_ptr<Norm> embedding_norm;
  std::unique_ptr<PackedLinear> projection, pooler;
  std::map<size_t, LayerWeights> sets;  ///< By LayerSpec::weights.
  std::vector<const Table*> bias;       ///< By layer; null where there is none. Points into `biases`.
  std::map<std::vector<int32_t>, std::unique_ptr<Table>> biases;  ///< By the heads that are there.
  HeadWeights head;

  struct Named {
    std::string name;
    PackedLinear* linear;
  };
  std::vector<Named> linears() const;
  size_t other_bytes() const;  ///< Tables and norms.
};

/// In what the encoder's linears are held. Projection, pooler and heads stay float32: they are small, and
/// what they compute leaves the encoder.
struct PackSettings {
  Format format = Format::float32;
  /// Slots ("query", "ffnOut" …) whose linears stay float32; matrices that are fused stay so together.
  std::set<std::string> float32;
  Sparsity sparsity = Sparsity::off;
  Tuning* tuning = nullptr;  ///< Needed where sparsity is automatic; borrowed while weights are loaded.
  /// Sequences to calibrate 8-bit linears with, borrowed as long; null: they are not. Needs a tuning.
  const RunRequest* sample = nullptr;

  /// Whether the linear of such slots of a layer, without its prefix, is of 8 bits.
  bool is_8_bit(const std::vector<std::string>& slots) const;
};

/// Reads and packs, one matrix at a time, so that host memory peaks at one matrix.
/// Throws what read_floats and Backend::pack throw, and Cancelled.
EncoderWeights load_weights(const EncoderSpec& spec, const WeightSources& sources,
                            const PackSettings& settings, Backend& backend, Control& control);

/// One linear once more, dense in float32, of slots with their prefix. Throws as load_weights.
std::unique_ptr<PackedLinear> load_plain(const WeightSources& sources, const std::vector<std::string>& slots,
                                         Backend& backend);

}  // namespace twofour

#include "engine/weights.h"

#include <algorithm>
#include <set>

namespace twofour {
namespace {

/// Loads by slot and counts what is done.
class Loader {
 public:
  Loader(const WeightSources& sources, const PackSettings& settings, Backend& backend, Control& control,
         size_t total)
      : sources_(sources), settings_(settings), backend_(backend), control_(control), total_(total) {}

  /// Of one layer, in the settings' format: the slots' matrices, one below the other.
  std::unique_ptr<PackedLinear> layer_linear(const std::string& layer,
                                             const std::vector<std::string>& names) {
    std::vector<std::string> slots;
    Format format = settings_.format;
    for (const std::string& name : names) {
      slots.push_back(layer + name);
      if (settings_.float32.contains(name)) format = Format::float32;
    }
    return linear(slots, format);
  }

  std::unique_ptr<PackedLinear> linear(const std::vector<std::string>& slots,
                                       Format format = Format::float32) {
    control_.report(++done_, total_);
    return pack_slots(
        sources_,
        {.slots = slots, .format = format, .sparsity = settings_.sparsity, .tuning = settings_.tuning},
        backend_);
  }

  std::unique_ptr<Norm> norm(const std::string& slot, float epsilon) const {
    control_.check();
    return norm_of(sources_, slot, epsilon, backend_);
  }

  std::unique_ptr<Table> table(const std::string& slot) {
    control_.report(++done_, total_);
    return table_of(sources_, slot, backend_);
  }

 private:
  const WeightSources& sources_;
  const PackSettings& settings_;
  Backend& backend_;
  Control& control_;
  size_t done_ = 0, total_;
};

LayerWeights load_layer(Loader& load, size_t set, float epsilon) {
  const std::string layer = "layers." + std::to_string(set) + ".";
  LayerWeights weights;
  weights.query_key_value = load.layer_linear(layer, {"query", "key", "value"});
  weights.attention_output = load.layer_linear(layer, {"attentionOutput"});
  weights.attention_norm = load.norm(layer + "attentionNorm", epsilon);
  weights.ffn_in = load.layer_linear(layer, {"ffnIn"});
  weights.ffn_out = load.layer_linear(layer, {"ffnOut"});
  weights.output_norm = load.norm(layer + "outputNorm", epsilon);
  return weights;
}

void load_biases(const WeightSources& sources, const EncoderSpec& spec, Backend& backend,
                 EncoderWeights& weights) {
  weights.bias.assign(spec.layers.size(), nullptr);
  if (!spec.relative) return;
  for (size_t layer = 0; layer < spec.layers.size(); ++layer) {
    const std::vector<int32_t>& heads = spec.layers[layer].heads;
    std::unique_ptr<Table>& table = weights.biases[heads];
    if (!table) table = relative_bias_of(sources, spec, heads, backend);
    weights.bias[layer] = table.get();
  }
}

void load_head(Loader& load, const HeadSpec& head, float epsilon, HeadWeights& weights) {
  if (head.transform) {
    weights.transform = load.linear({"head.transform"});
    if (head.transform->norm) weights.norm = load.norm("head.transformNorm", epsilon);
  }
  weights.output = load.linear({"head.output"});
}

bool runs_sparse(const PackedLinear& linear) {
  const std::vector<PackedLinear::Choice> choices = linear.choices();
  return std::any_of(choices.begin(), choices.end(),
                     [](const auto& choice) { return choice.form.starts_with("sparse"); });
}

/// Refuses a model of which no linear runs sparse, with the reason of the first that has zeros.
void require_sparse(const EncoderWeights& weights) {
  const EncoderWeights::Named* zeros = nullptr;
  const std::vector<EncoderWeights::Named> linears = weights.linears();
  for (const EncoderWeights::Named& named : linears) {
    if (runs_sparse(*named.linear)) return;
    const bool has_zeros = named.linear->nonzeros() < named.linear->rows() * named.linear->columns();
    if (zeros == nullptr && has_zeros) zeros = &named;
  }
  if (zeros != nullptr)
    throw Error("SPARSITY_UNAVAILABLE", "No linear of this model can run in a sparse form. Of " +
                                            zeros->name + ": " + zeros->linear->choices().front().reason);
  throw Error(
      "SPARSITY_UNAVAILABLE",
      "No linear of this model has a zero, so there is nothing for a sparse form to leave out. Prune it "
      "first (`twofour prune`), or use sparsity 'auto'.");
}

}  // namespace

EncoderWeights load_weights(const EncoderSpec& spec, const WeightSources& sources,
                            const PackSettings& settings, Backend& backend, Control& control) {
  std::set<size_t> sets;
  for (const LayerSpec& layer : spec.layers) sets.insert(layer.weights);
  const size_t matrices = 2 + (spec.token_types > 0) + spec.projection + spec.pooler + sets.size() * 4 +
                          (spec.head ? 1 + spec.head->transform.has_value() : 0);
  Loader load(sources, settings, backend, control, matrices);

  EncoderWeights weights;
  weights.word = load.table("wordEmbeddings");
  weights.position = load.table("positionEmbeddings");
  if (spec.token_types > 0) weights.type = load.table("tokenTypeEmbeddings");
  weights.embedding_norm = load.norm("embeddingNorm", spec.epsilon);
  if (spec.projection) weights.projection = load.linear({"embeddingProjection"});
  for (const size_t set : sets) weights.sets.emplace(set, load_layer(load, set, spec.epsilon));
  load_biases(sources, spec, backend, weights);
  if (spec.pooler) weights.pooler = load.linear({"pooler"});
  if (spec.head) load_head(load, *spec.head, spec.epsilon, weights.head);
  if (settings.sparsity == Sparsity::require) require_sparse(weights);
  return weights;
}

std::unique_ptr<PackedLinear> load_plain(const WeightSources& sources, const std::vector<std::string>& slots,
                                         Backend& backend) {
  Control quiet;
  return Loader(sources, {}, backend, quiet, 1).linear(slots);
}

bool PackSettings::is_8_bit(const std::vector<std::string>& slots) const {
  if (format != Format::int8 && format != Format::float8) return false;
  return std::ranges::none_of(slots, [this](const std::string& slot) { return float32.contains(slot); });
}

std::vector<EncoderWeights::Named> EncoderWeights::linears() const {
  std::vector<Named> all;
  const auto add = [&](std::string name, const std::unique_ptr<PackedLinear>& linear) {
    if (linear) all.push_back({std::move(name), linear.get()});
  };
  add("embeddingProjection", projection);
  for (const auto& [set, layer] : sets) {
    const std::string prefix = "layers." + std::to_string(set) + ".";
    add(prefix + "query+key+value", layer.query_key_value);
    add(prefix + "attentionOutput", layer.attention_output);
    add(prefix + "ffnIn", layer.ffn_in);
    add(prefix + "ffnOut", layer.ffn_out);
  }
  add("pooler", pooler);
  add("head.transform", head.transform);
  add("head.output", head.output);
  return all;
}

size_t EncoderWeights::other_bytes() const {
  size_t bytes = 0;
  for (const Table* table : {word.get(), position.get(), type.get()})
    bytes += table == nullptr ? 0 : table->bytes();
  for (const auto& [heads, table] : biases) bytes += table->bytes();
  for (const auto& [set, layer] : sets) bytes += layer.attention_norm->bytes() + layer.output_norm->bytes();
  bytes += embedding_norm->bytes();
  return bytes + (head.norm ? head.norm->bytes() : 0);
}

}  // namespace twofour

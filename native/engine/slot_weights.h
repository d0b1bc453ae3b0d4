#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/weight_source.h"
#include "engine/spec.h"

/// Weights of one slot or a few, read when they are asked for. Functions throw what read_floats and the
/// backend's verbs throw.
namespace twofour {

using WeightSources = std::map<std::string, WeightSource>;

/// Throws Error INTERNAL where the slot is not there.
const WeightSource& source_of(const WeightSources& sources, const std::string& slot);

struct PackSlots {
  std::vector<std::string> slots;  ///< Their matrices become one, each below the one before; so do biases.
  Format format = Format::float32;
  Sparsity sparsity = Sparsity::off;
  Tuning* tuning = nullptr;  ///< Needed where sparsity is automatic.
};
std::unique_ptr<PackedLinear> pack_slots(const WeightSources& sources, const PackSlots& how,
                                         Backend& backend);

std::unique_ptr<Table> table_of(const WeightSources& sources, const std::string& slot, Backend& backend);
std::unique_ptr<Norm> norm_of(const WeightSources& sources, const std::string& slot, float epsilon,
                              Backend& backend);
/// By distance, of these heads; null where the family has none.
std::unique_ptr<Table> relative_bias_of(const WeightSources& sources, const EncoderSpec& spec,
                                        const std::vector<int32_t>& heads, Backend& backend);

}  // namespace twofour

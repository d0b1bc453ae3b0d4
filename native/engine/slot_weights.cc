#include "engine/slot_weights.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "engine/relative_bias.h"

namespace twofour {
namespace {

/// From here on the nearest float16 is infinite.
constexpr float kFloat16End = 65520;

/// An infinite weight would make everything that follows infinite or not a number.
void refuse_overflow(std::span<const float> row, size_t index, const std::string& tensor) {
  const auto found =
      std::ranges::find_if(row, [](float x) { return std::isfinite(x) && std::fabs(x) >= kFloat16End; });
  if (found == row.end()) return;
  throw Error("DTYPE_UNAVAILABLE", "Row " + std::to_string(index) + " of " + tensor + " holds " +
                                       std::to_string(*found) +
                                       ", and float16 ends at 65,504. Use dtype 'bfloat16', which has the "
                                       "range of float32.");
}

/// Rows [first, first + rows) of a matrix that is several, one below the other.
struct Part {
  std::string slot;
  size_t first, rows;
  std::shared_ptr<const RowReader> reader;
};

void read_stacked(const std::vector<Part>& parts, Format format, size_t columns, size_t first, size_t count,
                  float* out) {
  for (const Part& part : parts) {
    const size_t begin = std::max(first, part.first), end = std::min(first + count, part.first + part.rows);
    if (begin >= end) continue;
    part.reader->floats(begin - part.first, end - begin, out + (begin - first) * columns);
    if (format != Format::float16) continue;
    for (size_t row = begin; row < end; ++row)
      refuse_overflow({out + (row - first) * columns, columns}, row - part.first, part.slot + ".weight");
  }
}

std::vector<float> floats_of(const WeightSources& sources, const std::string& slot) {
  return read_floats(source_of(sources, slot));
}

}  // namespace

const WeightSource& source_of(const WeightSources& sources, const std::string& slot) {
  const auto found = sources.find(slot);
  if (found == sources.end())
    throw Error("INTERNAL", "No weights crossed the binding for slot " + slot + ".");
  return found->second;
}

std::unique_ptr<PackedLinear> pack_slots(const WeightSources& sources, const PackSlots& how,
                                         Backend& backend) {
  std::vector<Part> parts;
  std::vector<float> bias;
  MatrixSource matrix{0, 0, {}};
  for (const std::string& slot : how.slots) {
    const WeightSource& from = source_of(sources, slot + ".weight");
    parts.push_back({slot, matrix.rows, from.result_rows(), std::make_shared<RowReader>(from)});
    matrix.rows += from.result_rows();
    matrix.columns = from.result_columns();
    const std::vector<float> some = floats_of(sources, slot + ".bias");
    if (how.format == Format::float16) {
      for (size_t row = 0; row < some.size(); ++row) refuse_overflow({&some[row], 1}, row, slot + ".bias");
    }
    bias.insert(bias.end(), some.begin(), some.end());
  }
  matrix.read = [&](size_t first, size_t count, float* out) {
    read_stacked(parts, how.format, matrix.columns, first, count, out);
  };
  return backend.pack(
      {.weight = matrix, .bias = bias, .format = how.format, .sparsity = how.sparsity, .tuning = how.tuning});
}

std::unique_ptr<Table> table_of(const WeightSources& sources, const std::string& slot, Backend& backend) {
  const WeightSource& from = source_of(sources, slot);
  const RowReader reader(from);
  return backend.table({from.result_rows(), from.result_columns(),
                        [&](size_t first, size_t count, float* out) { reader.floats(first, count, out); }});
}

std::unique_ptr<Norm> norm_of(const WeightSources& sources, const std::string& slot, float epsilon,
                              Backend& backend) {
  return backend.norm(floats_of(sources, slot + ".weight"), floats_of(sources, slot + ".bias"), epsilon);
}

std::unique_ptr<Table> relative_bias_of(const WeightSources& sources, const EncoderSpec& spec,
                                        const std::vector<int32_t>& heads, Backend& backend) {
  if (!spec.relative) return nullptr;
  const std::vector<float> values =
      bias_by_distance(floats_of(sources, "relativeBias"), spec.original_heads, heads, spec.relative->buckets,
                       spec.relative->max_distance, spec.positions);
  return backend.table(matrix_in(values, heads.size(), 2 * spec.positions - 1));
}

}  // namespace twofour

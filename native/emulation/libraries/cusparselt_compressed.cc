// cuSPARSELt: the compressed form of a structured matrix. Here: a header that says for which matrix, library
// and device it is good, the kept values, and four bits of places per group. As large as the real one, and
// the header.
#include <cstring>
#include <stdexcept>

#include "emulation/libraries/cusparselt.h"
#include "emulation/libraries/elements.h"

namespace twofour::emulation::sparse {
namespace {

constexpr uint64_t kMagic = 0x24c0245e24c0245e;
constexpr size_t kHeaderBytes = 256;

/// Elements of a group, of which half are kept: 2:4, and 1:2 in float32.
int64_t group_of(cudaDataType type) { return type == CUDA_R_32F ? 2 : 4; }

/// A walk over the groups, which lie along the inner dimension.
struct Groups {
  Groups(const Header& header, const Matrix& matrix)
      : matrix(matrix),
        along_columns((header.sparse_a != 0) != (header.transposed != 0)),
        size(group_of(matrix.type)) {}
  int64_t outer() const { return along_columns ? matrix.rows : matrix.columns; }
  int64_t inner() const { return along_columns ? matrix.columns : matrix.rows; }
  size_t index(int64_t line, int64_t at) const {
    return along_columns ? matrix.index(line, at) : matrix.index(at, line);
  }

  const Matrix& matrix;
  bool along_columns;
  int64_t size;
};

size_t value_bytes(const Matrix& matrix) {
  return static_cast<size_t>(matrix.rows * matrix.columns) / 2 * size_of(matrix.type);
}

size_t places_bytes(const Matrix& matrix) {
  return (static_cast<size_t>(matrix.rows * matrix.columns / group_of(matrix.type)) + 1) / 2;
}

void set_places(uint8_t* places, size_t group, unsigned four_bits) {
  uint8_t& byte = places[group / 2];
  byte = static_cast<uint8_t>(group % 2 == 0 ? four_bits : byte | four_bits << 4);
}

unsigned get_places(const uint8_t* places, size_t group) {
  return places[group / 2] >> (group % 2 * 4) & 15u;
}

/// Where the kept elements of a group are: the nonzero ones, then others. More than `keep` nonzero ones:
/// false.
bool kept_of(const Groups& groups, int64_t line, int64_t first, int (&kept)[2]) {
  const int64_t keep = groups.size / 2;
  int64_t count = 0;
  for (int64_t i = 0; i < groups.size; ++i) {
    if (read_element(groups.matrix.data, groups.matrix.type, groups.index(line, first + i)) == 0) continue;
    if (count == keep) return false;
    kept[count++] = static_cast<int>(i);
  }
  for (int64_t i = groups.size - 1; i >= 0 && count < keep; --i) {
    const int place = static_cast<int>(i);
    if (count == 1 && kept[0] == place) continue;
    kept[count++] = place;
  }
  return true;
}

std::string place_text(int64_t line, int64_t first) {
  return "line " + std::to_string(line) + ", elements " + std::to_string(first) + " and on";
}

}  // namespace

Header header_of(const Matrix& matrix, cusparseOperation_t operation, bool sparse_a) {
  return {kMagic,
          matrix.rows,
          matrix.columns,
          matrix.stride,
          matrix.type,
          matrix.row_order ? 1 : 0,
          operation != CUSPARSE_OPERATION_NON_TRANSPOSE ? 1 : 0,
          sparse_a ? 1 : 0,
          static_cast<int32_t>(emulation_setting("cusparselt")),
          static_cast<int32_t>(emulation_setting("compute"))};
}

std::string why_not(const Header& expected, const void* compressed) {
  Header found;
  std::memcpy(&found, compressed, sizeof(found));
  if (found.magic != kMagic) return "The structured operand is no compressed matrix.";
  const struct {
    bool equal;
    const char* what;
  } rows[] = {{found.type == expected.type, "type"},
              {found.rows == expected.rows && found.columns == expected.columns, "shape"},
              {found.stride == expected.stride, "leading dimension"},
              {found.row_order == expected.row_order, "order"},
              {found.transposed == expected.transposed && found.sparse_a == expected.sparse_a, "operation"},
              {found.version == expected.version, "version of the library"},
              {found.compute == expected.compute, "compute capability"}};
  for (const auto& row : rows) {
    if (!row.equal)
      return std::string("The compressed matrix was made for another ") + row.what + " than the plan's.";
  }
  return "";
}

size_t compressed_bytes(const Matrix& matrix) {
  return (kHeaderBytes + value_bytes(matrix) + places_bytes(matrix) + 255) / 256 * 256;
}

size_t scratch_bytes(const Matrix& matrix) { return 1024 + static_cast<size_t>(matrix.lines()) * 16; }

bool is_structured(const Header& header, const Matrix& matrix, std::string& where) {
  const Groups groups(header, matrix);
  int kept[2];
  for (int64_t line = 0; line < groups.outer(); ++line) {
    for (int64_t first = 0; first < groups.inner(); first += groups.size) {
      if (kept_of(groups, line, first, kept)) continue;
      where = place_text(line, first);
      return false;
    }
  }
  return true;
}

void compress(const Header& header, const Matrix& matrix, void* compressed) {
  std::string where;
  if (!is_structured(header, matrix, where))
    throw std::runtime_error("The matrix is not 2:4: " + where + ".");
  const Groups groups(header, matrix);
  auto* values = static_cast<uint8_t*>(compressed) + kHeaderBytes;
  auto* places = values + value_bytes(matrix);
  const size_t bytes = size_of(matrix.type);
  size_t group = 0;
  for (int64_t line = 0; line < groups.outer(); ++line) {
    for (int64_t first = 0; first < groups.inner(); first += groups.size, ++group) {
      int kept[2] = {0, 0};
      kept_of(groups, line, first, kept);
      for (int64_t i = 0; i < groups.size / 2; ++i, values += bytes) {
        std::memcpy(values,
                    static_cast<const uint8_t*>(matrix.data) + groups.index(line, first + kept[i]) * bytes,
                    bytes);
      }
      set_places(places, group, static_cast<unsigned>(kept[0] | kept[1] << 2));
    }
  }
  std::memcpy(compressed, &header, sizeof(header));
}

void expand(const Header& header, const void* compressed, const Matrix& dense) {
  const std::string reason = why_not(header, compressed);
  if (!reason.empty()) throw std::runtime_error(reason);
  const Groups groups(header, dense);
  const auto* values = static_cast<const uint8_t*>(compressed) + kHeaderBytes;
  const auto* places = values + value_bytes(dense);
  const size_t bytes = size_of(dense.type);
  size_t group = 0;
  for (int64_t line = 0; line < groups.outer(); ++line) {
    for (int64_t first = 0; first < groups.inner(); first += groups.size, ++group) {
      const unsigned four_bits = get_places(places, group);
      for (int64_t i = 0; i < groups.size / 2; ++i, values += bytes) {
        const auto at = first + static_cast<int64_t>(four_bits >> (2 * i) & 3u);
        std::memcpy(static_cast<uint8_t*>(dense.data) + groups.index(line, at) * bytes, values, bytes);
      }
    }
  }
}

}  // namespace twofour::emulation::sparse

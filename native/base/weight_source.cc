#include "base/weight_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "base/bits.h"
#include "base/error.h"

namespace twofour {
namespace {

[[noreturn]] void changed(const WeightSource& source) {
  throw Error("FILE_CHANGED", source.path + " changed after its header was read (its size was " +
                                  std::to_string(source.file_size) + " bytes). Open the checkpoint again.");
}

bool holds(const std::vector<int32_t>& kept, size_t index) {
  return std::binary_search(kept.begin(), kept.end(), static_cast<int32_t>(index));
}

/// Zeroes what is masked of stored rows [first, first + count).
void zero_masked(const WeightSource& source, size_t first, size_t count, std::byte* bytes) {
  const size_t width = width_of(source.dtype), columns = source.stored_columns();
  for (size_t i = 0; i < count * columns && !source.bits.empty(); ++i) {
    if (!bit_at(source.bits, first * columns + i)) std::memset(bytes + i * width, 0, width);
  }
  if (source.remove) return;
  for (size_t r = 0; r < count && source.rows; ++r) {
    if (!holds(*source.rows, first + r)) std::memset(bytes + r * columns * width, 0, columns * width);
  }
  for (size_t column = 0; column < columns && source.columns; ++column) {
    if (holds(*source.columns, column)) continue;
    for (size_t r = 0; r < count; ++r) std::memset(bytes + (r * columns + column) * width, 0, width);
  }
}

/// Copies the columns that are kept. Returns the end of what it wrote.
std::byte* gather_columns(const WeightSource& source, const std::byte* row, std::byte* out) {
  const size_t width = width_of(source.dtype);
  if (!source.columns) return std::copy_n(row, source.stored_columns() * width, out);
  for (const int32_t column : *source.columns)
    out = std::copy_n(row + static_cast<size_t>(column) * width, width, out);
  return out;
}

}  // namespace

size_t WeightSource::stored_elements() const {
  size_t product = 1;
  for (const size_t size : shape) product *= size;
  return product;
}
size_t WeightSource::stored_rows() const { return shape.empty() ? 1 : shape[0]; }
size_t WeightSource::stored_columns() const {
  size_t product = 1;
  for (size_t i = 1; i < shape.size(); ++i) product *= shape[i];
  return product;
}
size_t WeightSource::result_rows() const { return remove && rows ? rows->size() : stored_rows(); }
size_t WeightSource::result_columns() const { return remove && columns ? columns->size() : stored_columns(); }

RowReader::RowReader(const WeightSource& source) : source_(source) {
  if (source.path.empty()) return;
  fd_ = open(source.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) {
    const char* code = errno == ENOENT ? "FILE_NOT_FOUND" : "FILE_UNREADABLE";
    throw Error(code, "Cannot open " + source.path + ": " + std::strerror(errno) + ".");
  }
  struct stat status{};
  if (fstat(fd_, &status) == 0 && static_cast<uint64_t>(status.st_size) == source.file_size) return;
  close(fd_);
  changed(source);
}

RowReader::~RowReader() {
  if (fd_ >= 0) close(fd_);
}

void RowReader::read_stored(size_t first_row, size_t count, std::byte* out) const {
  const size_t row = source_.stored_columns() * width_of(source_.dtype);
  const size_t begin = first_row * row, size = count * row;
  if (fd_ < 0) {
    std::copy_n(source_.data.data() + begin, size, out);
    return;
  }
  for (size_t done = 0; done < size;) {
    const ssize_t got = pread(fd_, out + done, size - done, static_cast<off_t>(source_.begin + begin + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw Error("FILE_UNREADABLE", "Cannot read " + source_.path + ": " + std::strerror(errno) + ".");
    if (got == 0) changed(source_);
    done += static_cast<size_t>(got);
  }
}

bool RowReader::as_stored() const { return source_.bits.empty() && !source_.rows && !source_.columns; }

std::vector<std::byte> RowReader::bytes(size_t first, size_t count) const {
  const size_t width = width_of(source_.dtype), columns = source_.stored_columns();
  std::vector<std::byte> out(count * source_.result_columns() * width);
  if (out.empty()) return out;
  if (as_stored()) {
    read_stored(first, count, out.data());
    return out;
  }
  const bool gathers = source_.remove && source_.rows;
  const auto stored_row = [&](size_t row) {
    return gathers ? static_cast<size_t>((*source_.rows)[row]) : row;
  };
  // What lies between two kept rows is read too: one call costs more than the bytes.
  const size_t begin = stored_row(first), end = stored_row(first + count - 1) + 1;
  std::vector<std::byte> stored((end - begin) * columns * width);
  read_stored(begin, end - begin, stored.data());
  zero_masked(source_, begin, end - begin, stored.data());
  if (!source_.remove) return stored;
  std::byte* to = out.data();
  for (size_t row = first; row < first + count; ++row)
    to = gather_columns(source_, stored.data() + (stored_row(row) - begin) * columns * width, to);
  return out;
}

void RowReader::floats(size_t first, size_t count, float* out) const {
  if (source_.dtype == Dtype::f32 && as_stored()) {
    read_stored(first, count, reinterpret_cast<std::byte*>(out));
  } else {
    to_float(source_.dtype, bytes(first, count).data(), count * source_.result_columns(), out);
  }
}

void RowReader::finite_floats(size_t first, size_t count, float* out) const {
  floats(first, count, out);
  const size_t columns = source_.result_columns(), elements = count * columns;
  // Without a branch and in whole numbers, so that it costs nothing beside the reading.
  constexpr uint32_t kExponent = 0x7f800000;
  bool all_finite = true;
  for (size_t i = 0; i < elements; ++i)
    all_finite &= (std::bit_cast<uint32_t>(out[i]) & kExponent) != kExponent;
  if (all_finite) return;
  const float* bad = std::find_if(out, out + elements, [](float value) { return !std::isfinite(value); });
  throw Error("PRUNE_NOT_FINITE",
              "Element " + std::to_string(first * columns + static_cast<size_t>(bad - out)) + " of " +
                  source_.name +
                  " is not a finite number, so weights cannot be ranked. Repair the checkpoint.");
}

std::vector<std::byte> read_bytes(const WeightSource& source) {
  return RowReader(source).bytes(0, source.result_rows());
}

std::vector<float> read_floats(const WeightSource& source) {
  std::vector<float> floats(source.result_rows() * source.result_columns());
  RowReader(source).floats(0, source.result_rows(), floats.data());
  return floats;
}

}  // namespace twofour

#include "base/weight_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "base/bits.h"
#include "base/error.h"

namespace twofour {
namespace {

class FileReader {
 public:
  explicit FileReader(const WeightSource& source)
      : source_(source), fd_(open(source.path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ >= 0) return;
    const char* code = errno == ENOENT ? "FILE_NOT_FOUND" : "FILE_UNREADABLE";
    throw Error(code, "Cannot open " + source.path + ": " + std::strerror(errno) + ".");
  }
  ~FileReader() { close(fd_); }
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  void read(std::byte* out, size_t count) const {
    struct stat status{};
    if (fstat(fd_, &status) != 0 || static_cast<uint64_t>(status.st_size) != source_.file_size) changed();
    for (size_t done = 0; done < count;) {
      const ssize_t got = pread(fd_, out + done, count - done, static_cast<off_t>(source_.begin + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0)
        throw Error("FILE_UNREADABLE", "Cannot read " + source_.path + ": " + std::strerror(errno) + ".");
      if (got == 0) changed();
      done += static_cast<size_t>(got);
    }
  }

 private:
  [[noreturn]] void changed() const {
    throw Error("FILE_CHANGED", source_.path + " changed after its header was read (its size was " +
                                    std::to_string(source_.file_size) +
                                    " bytes). Open the checkpoint again.");
  }

  const WeightSource& source_;
  int fd_;
};

std::vector<std::byte> stored_bytes(const WeightSource& source) {
  if (source.path.empty()) return source.data;
  std::vector<std::byte> bytes(source.stored_elements() * width_of(source.dtype));
  if (!bytes.empty()) FileReader(source).read(bytes.data(), bytes.size());
  return bytes;
}

void zero_masked(const WeightSource& source, std::vector<std::byte>& bytes) {
  const size_t width = width_of(source.dtype), elements = source.stored_elements();
  for (size_t i = 0; i < elements; ++i) {
    if (!bit_at(source.bits, i)) std::memset(bytes.data() + i * width, 0, width);
  }
}

std::vector<bool> membership(const std::vector<int32_t>& kept, size_t count) {
  std::vector<bool> member(count, false);
  for (const int32_t index : kept) member[static_cast<size_t>(index)] = true;
  return member;
}

void zero_outside(const WeightSource& source, std::vector<std::byte>& bytes) {
  const size_t width = width_of(source.dtype), rows = source.stored_rows(), columns = source.stored_columns();
  if (source.rows) {
    const std::vector<bool> kept = membership(*source.rows, rows);
    for (size_t row = 0; row < rows; ++row) {
      if (!kept[row]) std::memset(bytes.data() + row * columns * width, 0, columns * width);
    }
  }
  if (source.columns) {
    const std::vector<bool> kept = membership(*source.columns, columns);
    for (size_t row = 0; row < rows; ++row) {
      for (size_t column = 0; column < columns; ++column) {
        if (!kept[column]) std::memset(bytes.data() + (row * columns + column) * width, 0, width);
      }
    }
  }
}

std::vector<std::byte> gather(const WeightSource& source, const std::vector<std::byte>& bytes) {
  const size_t width = width_of(source.dtype), columns = source.stored_columns();
  std::vector<std::byte> out;
  out.reserve(source.result_rows() * source.result_columns() * width);
  for (size_t r = 0; r < source.result_rows(); ++r) {
    const size_t row = source.rows ? static_cast<size_t>((*source.rows)[r]) : r;
    const std::byte* line = bytes.data() + row * columns * width;
    if (!source.columns) {
      out.insert(out.end(), line, line + columns * width);
      continue;
    }
    for (const int32_t column : *source.columns) {
      const std::byte* element = line + static_cast<size_t>(column) * width;
      out.insert(out.end(), element, element + width);
    }
  }
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

std::vector<std::byte> read_bytes(const WeightSource& source) {
  std::vector<std::byte> bytes = stored_bytes(source);
  if (!source.bits.empty()) zero_masked(source, bytes);
  if (!source.rows && !source.columns) return bytes;
  if (source.remove) return gather(source, bytes);
  zero_outside(source, bytes);
  return bytes;
}

std::vector<float> read_floats(const WeightSource& source, bool require_finite) {
  const std::vector<std::byte> bytes = read_bytes(source);
  std::vector<float> floats(source.result_rows() * source.result_columns());
  to_float(source.dtype, bytes.data(), floats.size(), floats.data());
  if (require_finite) {
    const auto bad =
        std::find_if(floats.begin(), floats.end(), [](float value) { return !std::isfinite(value); });
    if (bad != floats.end()) {
      throw Error("PRUNE_NOT_FINITE",
                  "Element " + std::to_string(bad - floats.begin()) + " of " + source.name +
                      " is not a finite number, so weights cannot be ranked. Repair the checkpoint.");
    }
  }
  return floats;
}

}  // namespace twofour

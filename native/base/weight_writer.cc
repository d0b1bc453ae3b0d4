#include "base/weight_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace twofour {
namespace {

/// Between looks at the cancel flag.
constexpr size_t kChunk = size_t{8} << 20;

class NewFile {
 public:
  explicit NewFile(const std::string& path)
      : path_(path), fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
    if (fd_ < 0) fail("create");
  }
  ~NewFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::span<const std::byte> bytes, const Control& control) {
    while (!bytes.empty()) {
      control.check();
      const ssize_t done = ::write(fd_, bytes.data(), std::min(bytes.size(), kChunk));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail("write");
      bytes = bytes.subspan(static_cast<size_t>(done));
    }
  }
  void close() {
    const int fd = fd_;
    fd_ = -1;
    // Some file systems report a full disk only here.
    if (::close(fd) != 0) fail("write");
  }

 private:
  [[noreturn]] void fail(const char* verb) const {
    throw Error("FILE_UNWRITABLE",
                std::string("Cannot ") + verb + " " + path_ + ": " + std::strerror(errno) + ".");
  }
  std::string path_;
  int fd_;
};

/// Square, so that reads and writes of both matrices stay in the cache.
constexpr size_t kTile = 32;

std::vector<float> transposed(const std::vector<float>& matrix, size_t rows, size_t columns) {
  std::vector<float> out(matrix.size());
  for (size_t top = 0; top < rows; top += kTile) {
    for (size_t left = 0; left < columns; left += kTile) {
      for (size_t row = top; row < std::min(top + kTile, rows); ++row) {
        for (size_t column = left; column < std::min(left + kTile, columns); ++column)
          out[column * rows + row] = matrix[row * columns + column];
      }
    }
  }
  return out;
}

void write(NewFile& file, const WrittenTensor& tensor, const Control& control) {
  const WeightSource& source = tensor.source;
  file.write(tensor.before, control);
  if (tensor.as == WrittenTensor::As::stored) return file.write(read_bytes(source), control);
  std::vector<float> floats = read_floats(source);
  if (tensor.as == WrittenTensor::As::transposed_floats)
    floats = transposed(floats, source.result_rows(), source.result_columns());
  file.write(std::as_bytes(std::span(floats)), control);
}

}  // namespace

void write_tensors(const std::string& path, std::span<const std::byte> header,
                   const std::vector<WrittenTensor>& tensors, Control& control) {
  NewFile file(path);
  file.write(header, control);
  for (size_t i = 0; i < tensors.size(); ++i) {
    control.report(i, tensors.size());
    write(file, tensors[i], control);
  }
  file.close();
}

}  // namespace twofour

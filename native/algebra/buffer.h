#pragma once
#include <cstddef>
#include <memory>
#include <new>

namespace twofour::algebra {

/// Numbers at a cache line's start, not set: memory that is written before it is read.
template <class T>
class Buffer {
 public:
  explicit Buffer(size_t count)
      : numbers_(static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t{kLine}))) {}
  T* data() { return numbers_.get(); }
  const T* data() const { return numbers_.get(); }

 private:
  static constexpr size_t kLine = 64;
  struct Free {
    void operator()(T* numbers) const { ::operator delete(numbers, std::align_val_t{kLine}); }
  };
  std::unique_ptr<T, Free> numbers_;
};

}  // namespace twofour::algebra

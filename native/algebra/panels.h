#pragma once
#include <cstddef>

#include "algebra/buffer.h"
#include "base/thread_pool.h"

namespace twofour::algebra {

/// A matrix as a product reads it: number (line, deep) stands at data[line · across + deep · along], lines
/// being what the result keeps and deep what is summed over. One of the two steps is 1.
template <class T>
struct Operand {
  const T* data;
  size_t lines, depth;
  size_t across, along;
};

/// Some depth of an operand, cut into panels of `width` lines: [panel][depth][width], short ones filled with
/// zeros.
template <class T>
class Panels {
 public:
  /// Room for `depth` at a time.
  Panels(const Operand<T>& operand, size_t width, size_t depth);

  /// Takes [begin, end) of the depth.
  void pack(size_t begin, size_t end, ThreadPool& pool);
  size_t count() const { return count_; }
  size_t width() const { return width_; }
  const T* panel(size_t index) const { return numbers_.data() + index * width_ * deep_; }

 private:
  Operand<T> operand_;
  size_t width_, count_;
  size_t deep_ = 0;  ///< Of what was packed last.
  Buffer<T> numbers_;
};

extern template class Panels<float>;
extern template class Panels<double>;

}  // namespace twofour::algebra

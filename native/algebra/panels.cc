#include "algebra/panels.h"

#include <algorithm>
#include <cstring>

namespace twofour::algebra {
namespace {

/// Lines that lie along one row of memory.
template <class T>
void copy_rows(const T* from, size_t step, size_t lines, size_t depth, size_t width, T* out) {
  for (size_t deep = 0; deep < depth; ++deep, from += step, out += width) {
    std::memcpy(out, from, lines * sizeof(T));
    std::fill(out + lines, out + width, T{});
  }
}

/// Lines that are rows of memory themselves, some depth at a time so that what is written stays in the cache.
template <class T>
void transpose(const T* from, size_t step, size_t lines, size_t depth, size_t width, T* out) {
  constexpr size_t kDeep = 16;
  for (size_t begin = 0; begin < depth; begin += kDeep) {
    const size_t end = std::min(begin + kDeep, depth);
    for (size_t line = 0; line < lines; ++line) {
      for (size_t deep = begin; deep < end; ++deep) out[deep * width + line] = from[line * step + deep];
    }
    for (size_t line = lines; line < width; ++line) {
      for (size_t deep = begin; deep < end; ++deep) out[deep * width + line] = T{};
    }
  }
}

}  // namespace

template <class T>
Panels<T>::Panels(const Operand<T>& operand, size_t width, size_t depth)
    : operand_(operand),
      width_(width),
      count_((operand.lines + width - 1) / width),
      numbers_(count_ * width * std::min(depth, operand.depth)) {}

template <class T>
void Panels<T>::pack(size_t begin, size_t end, ThreadPool& pool) {
  deep_ = end - begin;
  constexpr size_t kAtOnce = 8;
  pool.run_ranges(count_, kAtOnce, [&](size_t first, size_t last, size_t) {
    for (size_t index = first; index < last; ++index) {
      const size_t line = index * width_, lines = std::min(width_, operand_.lines - line);
      const T* from = operand_.data + line * operand_.across + begin * operand_.along;
      T* out = numbers_.data() + line * deep_;
      if (operand_.across == 1) {
        copy_rows(from, operand_.along, lines, deep_, width_, out);
      } else {
        transpose(from, operand_.across, lines, deep_, width_, out);
      }
    }
  });
}

template class Panels<float>;
template class Panels<double>;

}  // namespace twofour::algebra

#pragma once
#include <string>
#include <type_traits>

#include "base/error.h"
#include "cuda/kernels/kernels.h"
#include "device.h"

/// Host side of the kernels: launching with the error as an exception, and the types behind Word.
namespace twofour::cuda {

/// Throws Error DEVICE_FAILED where launch() was refused.
inline void check_launch(const char* kernel, int status) {
  if (status == 0) return;
  throw Error("DEVICE_FAILED", "The GPU refused to start the kernel " + std::string(kernel) +
                                   " (CUDA error " + std::to_string(status) + ").");
}

inline unsigned blocks_for(size_t rows, size_t rows_per_block) {
  return static_cast<unsigned>((rows + rows_per_block - 1) / rows_per_block);
}

/// Calls run(std::type_identity<T>()) with the type that the word stores.
template <class Run>
void with_word(Word word, const Run& run) {
  switch (word) {
    case Word::float32:
      return run(std::type_identity<float>());
    case Word::float16:
      return run(std::type_identity<Half>());
    case Word::bfloat16:
      return run(std::type_identity<Bfloat16>());
  }
}

inline void require(bool holds, const char* what) {
  if (!holds) throw Error("INTERNAL", std::string("No kernel takes ") + what + ".");
}

}  // namespace twofour::cuda

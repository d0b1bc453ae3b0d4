#pragma once
#include <string_view>

#include "base/error.h"

namespace twofour::cuda {

/// False where a library refused `body`'s work, which it may with an algorithm.
template <class Body>
bool accepted(Body&& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    if (std::string_view(error.code()) != "CUDA_LIBRARY_FAILED") throw;
    return false;
  }
}

}  // namespace twofour::cuda

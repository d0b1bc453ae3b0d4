#pragma once
#include <cstddef>
#include <vector>

#include "cuda/product.h"

/// Numbers to measure products with, and whether two results are the same.
namespace twofour::cuda {

/// `count` numbers of a format between −1 and 1, as an input that makes the multipliers work.
std::vector<std::byte> noise(Format format, size_t count);

/// Whether outputs of a product differ by no more than sums of the same numbers in another order.
bool agree(Format format, const std::vector<std::byte>& some, const std::vector<std::byte>& reference);

}  // namespace twofour::cuda

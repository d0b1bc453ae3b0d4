#pragma once
#include <library_types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace probe {

/// How a number is stored on the device.
enum class Number { float32, float16, bfloat16, int8, e4m3, int32 };

const char* name_of(Number number);
/// By the name that twofour gives a dtype ("float8" is e4m3). Throws std::runtime_error on another one.
Number number_of(const std::string& dtype);
size_t bytes_of(Number number);
cudaDataType_t type_of(Number number);
/// Of a sum of two numbers in another order, relative to the largest: what may differ.
float tolerance_of(Number output);

void encode(Number number, float value, std::byte* to);
float decode(Number number, const std::byte* from);

/// `rows` × `columns` seeded numbers up to ±`largest` (of int8: times 127); `two_of_four` leaves two of every
/// four of a row, at varied places.
std::vector<std::byte> noise(Number number, size_t rows, size_t columns, bool two_of_four, unsigned seed,
                             float largest = 1);

}  // namespace probe

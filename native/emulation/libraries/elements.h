#pragma once
#include <library_types.h>

#include <cstddef>
#include <cstdint>

namespace twofour::emulation {

/// Bytes of an element; 0 for a type that the stand-in does not have.
size_t size_of(cudaDataType type);
const char* name_of(cudaDataType type);

/// Element `index` of an array as a float: exact for every type but int32 beyond 2^24.
float read_element(const void* data, cudaDataType type, size_t index);
/// Rounds to nearest even; int8, int32 and e4m3 saturate, float16 goes to infinity.
void write_element(void* data, cudaDataType type, size_t index, float value);

}  // namespace twofour::emulation

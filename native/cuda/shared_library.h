#pragma once
#include <string>

/// The loader's three functions, in a file of their own so that an emulation can stand in for them.
namespace twofour::cuda {

/// Null where it cannot be opened; `why` then says it. Never closed.
void* open_library(const std::string& path, std::string& why);
/// Null where there is none of this name.
void* find_symbol(void* library, const char* name);
/// Where a symbol was loaded from; empty where the loader does not know.
std::string file_of(const void* symbol);

}  // namespace twofour::cuda

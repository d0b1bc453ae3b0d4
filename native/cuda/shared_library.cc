#include "cuda/shared_library.h"

#include <dlfcn.h>

namespace twofour::cuda {

void* open_library(const std::string& path, std::string& why) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const char* said = library == nullptr ? dlerror() : nullptr;
  why = said == nullptr ? "" : said;
  return library;
}

void* find_symbol(void* library, const char* name) { return dlsym(library, name); }

std::string file_of(const void* symbol) {
  Dl_info info;
  return dladdr(symbol, &info) == 0 || info.dli_fname == nullptr ? "" : info.dli_fname;
}

}  // namespace twofour::cuda

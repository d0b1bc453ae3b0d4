#include "cuda/libraries.h"

#include <utility>

#include "cuda/shared_library.h"

namespace twofour::cuda {
namespace {

constexpr const char* kInstall = " `npx twofour cuda install` fetches it.";

void refuse(LibraryInfo& info, const char* code, const std::string& sentence) {
  info.usable = false;
  info.code = code;
  info.sentence = sentence;
}

/// A bare name is one that the loader looked for: not to find it is no failure.
void* open(const char* name, const std::string& path, LibraryInfo& info) {
  info.name = name;
  info.path = path;
  std::string why;
  void* library = path.empty() ? nullptr : open_library(path, why);
  info.usable = library != nullptr;
  if (info.usable) return library;
  if (path.find('/') == std::string::npos)
    refuse(info, "CUDA_LIBRARY_MISSING", std::string(name) + " was not found." + kInstall);
  else
    refuse(info, "CUDA_LIBRARY_FAILED", std::string(name) + " cannot be opened: " + why + "." + kInstall);
  return nullptr;
}

/// Looks up one function; the first that is missing is the one that is named.
template <class Function>
void find(void* library, const char* name, Function& function, LibraryInfo& info) {
  function = reinterpret_cast<Function>(find_symbol(library, name));
  if (function != nullptr || !info.usable) return;
  refuse(info, "CUDA_LIBRARY_INCOMPLETE", info.path + " has no function " + name + "." + kInstall);
}

void note_path(LibraryInfo& info, const void* function) {
  const std::string file = file_of(function);
  if (!file.empty()) info.path = file;
}

std::string dotted(size_t major, size_t minor, size_t patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

void check_cublaslt(const CublasLt& functions, LibraryInfo& info) {
  const size_t version = functions.cublasLtGetVersion();
  const size_t major = version / 10000;
  info.version = dotted(major, version / 100 % 100, version % 100);
  if (major != CUBLAS_VER_MAJOR)
    refuse(info, "CUDA_LIBRARY_WRONG_MAJOR",
           info.path + " is cuBLASLt " + info.version + ", and twofour's plugin was made for cuBLASLt " +
               std::to_string(CUBLAS_VER_MAJOR) + "." + kInstall);
}

void check_cusparselt(const CusparseLt& functions, LibraryInfo& info) {
  int major = 0, minor = 0, patch = 0;
  for (const auto& [property, number] :
       {std::pair(MAJOR_VERSION, &major), std::pair(MINOR_VERSION, &minor), std::pair(PATCH_LEVEL, &patch)}) {
    if (functions.cusparseLtGetProperty(property, number) == CUSPARSE_STATUS_SUCCESS) continue;
    return refuse(info, "CUDA_LIBRARY_FAILED", info.path + " does not tell its version." + kInstall);
  }
  info.version = dotted(static_cast<size_t>(major), static_cast<size_t>(minor), static_cast<size_t>(patch));
  if (major == 0 && minor < 8)
    refuse(info, "CUDA_LIBRARY_TOO_OLD",
           info.path + " is cuSPARSELt " + info.version + "; twofour needs 0.8.0 or newer." + kInstall);
  else if (major == 0 && minor == 8 && patch == 0)
    info.sentence =
        "cuSPARSELt 0.8.0 is slower than other versions on H100 and L4 (NVIDIA's release notes); 0.8.1 is "
        "not.";
}

}  // namespace

#define TWOFOUR_FIND(name) find(library, #name, opened.functions.name, opened.info);

Library<CublasLt> open_cublaslt(const std::string& path) {
  Library<CublasLt> opened;
  void* library = open("cuBLASLt", path, opened.info);
  if (library == nullptr) return opened;
  find(library, "cublasLtGetVersion", opened.functions.cublasLtGetVersion, opened.info);
  if (!opened.info.usable) return opened;
  note_path(opened.info, reinterpret_cast<const void*>(opened.functions.cublasLtGetVersion));
  check_cublaslt(opened.functions, opened.info);
  TWOFOUR_CUBLASLT(TWOFOUR_FIND)
  return opened;
}

Library<CusparseLt> open_cusparselt(const std::string& path) {
  Library<CusparseLt> opened;
  void* library = open("cuSPARSELt", path, opened.info);
  if (library == nullptr) return opened;
  find(library, "cusparseLtGetProperty", opened.functions.cusparseLtGetProperty, opened.info);
  if (!opened.info.usable) return opened;
  note_path(opened.info, reinterpret_cast<const void*>(opened.functions.cusparseLtGetProperty));
  check_cusparselt(opened.functions, opened.info);
  TWOFOUR_CUSPARSELT(TWOFOUR_FIND)
  return opened;
}

#undef TWOFOUR_FIND

}  // namespace twofour::cuda

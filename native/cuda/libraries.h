#pragma once
#include <cublasLt.h>
#include <cusparseLt.h>

#include <string>

/// NVIDIA's libraries, opened at run time: the plugin is linked with neither, so that it loads without them.
/// Each table has the functions that are used, under the library's own names and types.
namespace twofour::cuda {

// clang-format off
#define TWOFOUR_CUBLASLT(X) \
  X(cublasLtCreate) X(cublasLtDestroy) X(cublasLtGetVersion) X(cublasLtGetStatusName) \
  X(cublasLtMatmulDescCreate) X(cublasLtMatmulDescDestroy) X(cublasLtMatmulDescSetAttribute) \
  X(cublasLtMatrixLayoutCreate) X(cublasLtMatrixLayoutDestroy) X(cublasLtMatrixLayoutSetAttribute) \
  X(cublasLtMatmulPreferenceCreate) X(cublasLtMatmulPreferenceDestroy) X(cublasLtMatmulPreferenceSetAttribute) \
  X(cublasLtMatmulAlgoGetHeuristic) X(cublasLtMatmulAlgoCheck) X(cublasLtMatmulAlgoConfigGetAttribute) \
  X(cublasLtMatmul)

#define TWOFOUR_CUSPARSELT(X) \
  X(cusparseLtInit) X(cusparseLtDestroy) X(cusparseLtGetProperty) X(cusparseLtGetErrorName) \
  X(cusparseLtDenseDescriptorInit) X(cusparseLtStructuredDescriptorInit) X(cusparseLtMatDescriptorDestroy) \
  X(cusparseLtMatmulDescriptorInit) X(cusparseLtMatmulDescSetAttribute) \
  X(cusparseLtMatmulAlgSelectionInit) X(cusparseLtMatmulAlgSelectionDestroy) \
  X(cusparseLtMatmulAlgSetAttribute) X(cusparseLtMatmulAlgGetAttribute) \
  X(cusparseLtMatmulPlanInit) X(cusparseLtMatmulPlanDestroy) X(cusparseLtMatmulGetWorkspace) \
  X(cusparseLtSpMMAPruneCheck) X(cusparseLtSpMMACompressedSize) X(cusparseLtSpMMACompress) \
  X(cusparseLtMatmulSearch) X(cusparseLtMatmul)
// clang-format on

#define TWOFOUR_MEMBER(name) decltype(&::name) name = nullptr;
struct CublasLt {
  TWOFOUR_CUBLASLT(TWOFOUR_MEMBER)
};
struct CusparseLt {
  TWOFOUR_CUSPARSELT(TWOFOUR_MEMBER)
};
#undef TWOFOUR_MEMBER

struct LibraryInfo {
  const char* name = "";
  std::string path, version;
  bool usable = false;
  const char* code = "";  ///< CUDA_LIBRARY_MISSING, …_FAILED, …_WRONG_MAJOR, …_TOO_OLD, …_INCOMPLETE.
  std::string sentence;   ///< Why it is not usable; or, usable, what is known of this version.
};

/// `functions` are whole where the library is usable. It is never closed.
template <class Functions>
struct Library {
  LibraryInfo info;
  Functions functions;
};

/// cuBLASLt 13: the major version that the headers are of, whose structs and enums it shares.
Library<CublasLt> open_cublaslt(const std::string& path);
/// cuSPARSELt from 0.8.0 on, whose opaque structs have the size that the headers say.
Library<CusparseLt> open_cusparselt(const std::string& path);

}  // namespace twofour::cuda

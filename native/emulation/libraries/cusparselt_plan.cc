// cuSPARSELt: plans and the product itself.
#include <cuda_runtime_api.h>

#include <cstring>
#include <vector>

#include "emulation/libraries/cusparselt.h"
#include "emulation/libraries/elements.h"
#include "emulation/runtime/enqueue.h"

namespace twofour::emulation::sparse {
namespace {

/// Time of a configuration against the best one.
double slowness_of(const Plan& plan) {
  if (plan.id == emulation_setting("cusparselt_wrong_id")) return 0.8;
  const double splits = plan.splits == 1 ? 1.0 : 1.02;
  return plan.id == emulation_setting("cusparselt_best_id") ? splits : splits * (1.1 + 0.05 * plan.id);
}

struct Operands {
  const void *alpha, *a, *b, *beta, *c;
  void *d, *workspace;
};

void check_pointers(const Product& product, const Operands& operands) {
  if (operands.alpha == nullptr || operands.beta == nullptr)
    refuse(CUSPARSE_STATUS_INVALID_VALUE, "alpha or beta is null.");
  const struct {
    const void* pointer;
    const char* name;
  } rows[] = {{operands.a, "A"}, {operands.b, "B"}, {operands.c, "C"}, {operands.d, "D"}};
  for (const auto& row : rows) {
    if (row.pointer == nullptr) refuse(CUSPARSE_STATUS_INVALID_VALUE, std::string(row.name) + " is null.");
    if (reinterpret_cast<uintptr_t>(row.pointer) % 16 != 0) {
      refuse(CUSPARSE_STATUS_INVALID_VALUE, std::string(row.name) + " is not aligned to 16 bytes.");
    }
  }
  const auto overlaps = [&](const void* other, size_t bytes) {
    const auto d = reinterpret_cast<uintptr_t>(operands.d), at = reinterpret_cast<uintptr_t>(other);
    return at < d + product.d.bytes() && d < at + bytes;
  };
  if (operands.c != operands.d && overlaps(operands.c, product.c.bytes())) {
    refuse(CUSPARSE_STATUS_INVALID_VALUE, "D overlaps C without being C.");
  }
}

/// The product of a plan with its pointers; `structured` is where the dense form of the structured operand
/// will be.
Product bind(const Plan& plan, const MatmulDescriptor& matmul, const Operands& operands) {
  Product product = matmul.product;
  product.a.data = const_cast<void*>(operands.a);
  product.b.data = const_cast<void*>(operands.b);
  product.c.data = const_cast<void*>(operands.c);
  product.d.data = operands.d;
  if (matmul.alpha_vector) {
    product.alpha_vector = {static_cast<const float*>(operands.alpha), true};
  } else {
    product.alpha = *static_cast<const float*>(operands.alpha);
  }
  product.beta = *static_cast<const float*>(operands.beta);
  product.error = plan.id == emulation_setting("cusparselt_wrong_id") ? 1 : error_of_scales(product);
  return product;
}

void run(Product product, const Header& header, bool sparse_a) {
  Matrix& structured = sparse_a ? product.a : product.b;
  const void* compressed = structured.data;
  std::vector<uint8_t> dense(structured.bytes());
  structured.data = dense.data();
  expand(header, compressed, structured);
  multiply(product);
}

/// In percent of the dense product's speed.
double gain_of(const Product& product, cudaStream_t stream) {
  const auto gain =
      static_cast<double>(emulation_setting(product.beta == 0 ? "sparse_gain" : "sparse_gain_added"));
  if (emulation_follows_kernel(stream) == 0) return gain;
  return gain * static_cast<double>(emulation_setting("sparse_gain_pass")) / 100;
}

int queue(const Plan& plan, const MatmulDescriptor& matmul, const Operands& operands, cudaStream_t stream) {
  const Product product = bind(plan, matmul, operands);
  const Matrix& structured = matmul.sparse_a ? product.a : product.b;
  const Matrix& other = matmul.sparse_a ? product.b : product.a;
  const Header header =
      header_of(structured, matmul.sparse_a ? matmul.operation_a : matmul.operation_b, matmul.sparse_a);
  const size_t compressed = compressed_bytes(structured), needed = workspace_of(plan, matmul);
  // Seen at once where the host may look; else when the work runs, as a fault.
  if (emulation_is_settled(structured.data, compressed) && emulation_is_device(structured.data, compressed)) {
    const std::string reason = why_not(header, structured.data);
    if (!reason.empty()) refuse(CUSPARSE_STATUS_INVALID_VALUE, reason);
  }
  const size_t m = static_cast<size_t>(product.m());
  const auto scale_bytes = [](const Scale& scale) { return scale.values == nullptr ? 0 : sizeof(float); };
  return enqueue_work(
      stream, "cusparseLtMatmul",
      [product, header, workspace = operands.workspace, needed, sparse_a = matmul.sparse_a] {
        // What the library leaves in its workspace is nobody's to read.
        if (needed != 0) std::memset(workspace, 0xFF, needed);
        run(product, header, sparse_a);
      },
      {{structured.data, compressed, 0, "the structured operand of cusparseLtMatmul"},
       use_of(other, false, "the dense operand of cusparseLtMatmul"),
       use_of(product.c, false, "C of cusparseLtMatmul"),
       use_of(product.d, true, "D of cusparseLtMatmul"),
       {operands.workspace, needed, 1, "the workspace of cusparseLtMatmul"},
       {product.bias, product.bias == nullptr ? 0 : m * size_of(product.bias_type), 0,
        "the bias of cusparseLtMatmul"},
       {product.alpha_vector.values, product.alpha_vector.values == nullptr ? 0 : m * sizeof(float), 0,
        "alpha of cusparseLtMatmul"},
       {product.scale_a.values, scale_bytes(product.scale_a), 0, "the scale of A of cusparseLtMatmul"},
       {product.scale_b.values, scale_bytes(product.scale_b), 0, "the scale of B of cusparseLtMatmul"},
       {product.scale_d.values, scale_bytes(product.scale_d), 0, "the scale of D of cusparseLtMatmul"}},
      nanoseconds_of(product) * slowness_of(plan) * slowness_of_scales(product) * 100 /
          gain_of(product, stream));
}

cudaStream_t stream_of(const cudaStream_t* streams, int32_t count) {
  if (count < 0 || (count > 0 && streams == nullptr))
    refuse(CUSPARSE_STATUS_INVALID_VALUE, "The streams are null.");
  return count == 0 ? nullptr : streams[0];
}

void check_workspace(const Plan& plan, const MatmulDescriptor& matmul, const void* workspace) {
  const size_t needed = workspace_of(plan, matmul);
  if (needed == 0) return;
  if (workspace == nullptr || reinterpret_cast<uintptr_t>(workspace) % 16 != 0) {
    refuse(CUSPARSE_STATUS_INVALID_VALUE,
           "The plan needs a workspace of " + std::to_string(needed) + " bytes aligned to 16.");
  }
}

cusparseStatus_t given(int status) {
  return status == cudaSuccess ? CUSPARSE_STATUS_SUCCESS : CUSPARSE_STATUS_EXECUTION_FAILED;
}

}  // namespace
}  // namespace twofour::emulation::sparse

using namespace twofour::emulation;
using namespace twofour::emulation::sparse;

extern "C" {

cusparseStatus_t cusparseLtMatmulPlanInit(const cusparseLtHandle_t* handle, cusparseLtMatmulPlan_t* place,
                                          const cusparseLtMatmulDescriptor_t* matmul_place,
                                          const cusparseLtMatmulAlgSelection_t* selection_place) {
  return guarded<cusparseStatus_t>("cusparseLtMatmulPlanInit", [&] {
    if (emulation_refuse_creation("cusparseLtMatmulPlanInit")) return CUSPARSE_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    Library& library = check_library(handle);
    MatmulDescriptor& matmul = check_matmul(matmul_place);
    Selection& selection = live<Selection>(selection_place);
    if (selection.matmul != matmul_place) {
      refuse(CUSPARSE_STATUS_INVALID_VALUE,
             "The algorithm selection was made for another matmul descriptor.");
    }
    check_selection(selection, matmul);
    auto& plan = create<Plan>(place);
    plan.matmul = matmul_place;
    plan.selection = selection_place;
    plan.id = selection.id;
    plan.splits = selection.splits;
    plan.mode = selection.mode;
    link(plan, library);
    link(plan, matmul);
    link(plan, selection);
    for (const auto* matrix : matmul.matrices) link(plan, live<MatrixDescriptor>(matrix));
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseLtMatmulPlanDestroy(const cusparseLtMatmulPlan_t* place) {
  return guarded<cusparseStatus_t>("cusparseLtMatmulPlanDestroy", [&] {
    if (emulation_refuse_creation("cusparseLtMatmulPlanDestroy")) return CUSPARSE_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    destroy(live<Plan>(place));
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseLtMatmulGetWorkspace(const cusparseLtHandle_t* handle,
                                              const cusparseLtMatmulPlan_t* place, size_t* bytes) {
  return guarded<cusparseStatus_t>("cusparseLtMatmulGetWorkspace", [&] {
    const std::lock_guard lock(tables().mutex);
    check_library(handle);
    const Plan& plan = live<Plan>(place);
    *bytes = workspace_of(plan, check_matmul(plan.matmul));
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseLtMatmul(const cusparseLtHandle_t* handle, const cusparseLtMatmulPlan_t* place,
                                  const void* alpha, const void* a, const void* b, const void* beta,
                                  const void* c, void* d, void* workspace, cudaStream_t* streams,
                                  int32_t count) {
  return guarded<cusparseStatus_t>("cusparseLtMatmul", [&] {
    const std::lock_guard lock(tables().mutex);
    check_library(handle);
    const Plan& plan = live<Plan>(place);
    const MatmulDescriptor& matmul = check_matmul(plan.matmul);
    live<Selection>(plan.selection);
    const cudaStream_t stream = stream_of(streams, count);
    if (emulation_is_capturing(stream) && emulation_setting("cusparselt_capture") == 0) {
      emulation_invalidate_capture(stream);
      return CUSPARSE_STATUS_INTERNAL_ERROR;
    }
    const Operands operands{alpha, a, b, beta, c, d, workspace};
    check_pointers(matmul.product, operands);
    check_workspace(plan, matmul, workspace);
    return given(queue(plan, matmul, operands, stream));
  });
}

cusparseStatus_t cusparseLtMatmulSearch(const cusparseLtHandle_t* handle, cusparseLtMatmulPlan_t* place,
                                        const void* alpha, const void* a, const void* b, const void* beta,
                                        const void* c, void* d, void* workspace, cudaStream_t* streams,
                                        int32_t count) {
  return guarded<cusparseStatus_t>("cusparseLtMatmulSearch", [&] {
    if (emulation_refuse_creation("cusparseLtMatmulSearch")) return CUSPARSE_STATUS_INTERNAL_ERROR;
    const std::lock_guard lock(tables().mutex);
    check_library(handle);
    Plan& plan = live<Plan>(place);
    const MatmulDescriptor& matmul = check_matmul(plan.matmul);
    Selection& selection = live<Selection>(plan.selection);
    const Operands operands{alpha, a, b, beta, c, d, workspace};
    check_pointers(matmul.product, operands);
    check_workspace(plan, matmul, workspace);
    // As a search that times every configuration does, it leaves the last product in D and takes the fastest.
    Plan best;
    for (int id = 0; id < id_limit(matmul); ++id) {
      Plan tried;
      tried.id = id;
      tried.splits = plan.splits;
      tried.mode = plan.mode;
      if (id == 0 || slowness_of(tried) < slowness_of(best)) best.id = id, best.splits = tried.splits;
    }
    plan.id = selection.id = best.id;
    const cudaStream_t stream = stream_of(streams, count);
    const int status = queue(plan, matmul, operands, stream);
    return given(status != cudaSuccess ? status : static_cast<int>(cudaStreamSynchronize(stream)));
  });
}
}

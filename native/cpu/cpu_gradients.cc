#include "base/error.h"
#include "cpu/cpu_analysis.h"

namespace twofour::cpu {
void CpuAnalysis::activate_backward(const Activations&, Activation, const Activations&, Activations&) {
  throw Error("INTERNAL", "Not here yet.");
}
void CpuAnalysis::dot_groups(const Activations&, const Activations&, size_t, Activations&) {
  throw Error("INTERNAL", "Not here yet.");
}
void CpuAnalysis::layer_norm_backward(const Activations&, const Norm&, const Activations&, Activations&) {
  throw Error("INTERNAL", "Not here yet.");
}
void CpuAnalysis::attention_backward(const Batch&, const Activations&, const Attention&, const Activations&,
                                     Activations&) {
  throw Error("INTERNAL", "Not here yet.");
}
}  // namespace twofour::cpu

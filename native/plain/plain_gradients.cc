#include "base/error.h"
#include "plain/plain_analysis.h"

namespace twofour::plain {
void PlainAnalysis::activate_backward(const Activations&, Activation, const Activations&, Activations&) {
  throw Error("INTERNAL", "Not here yet.");
}
void PlainAnalysis::dot_groups(const Activations&, const Activations&, size_t, Activations&) {
  throw Error("INTERNAL", "Not here yet.");
}
void PlainAnalysis::layer_norm_backward(const Activations&, const Norm&, const Activations&, Activations&) {
  throw Error("INTERNAL", "Not here yet.");
}
void PlainAnalysis::attention_backward(const Batch&, const Activations&, const Attention&, const Activations&,
                                       Activations&) {
  throw Error("INTERNAL", "Not here yet.");
}
}  // namespace twofour::plain

#include "device.h"
#include "emulation/tests/kernels/parts.h"

namespace twofour::emulation {
namespace {

void check_all(Checks& checks) {
  check_norms(checks);
  check_products(checks);
  check_copies(checks);
  check_pooling(checks);
  check_quantised(checks);
  check_attention(checks);
}

}  // namespace
}  // namespace twofour::emulation

int main() {
  twofour::emulation::Checks checks;
  try {
    check_all(checks);
  } catch (const twofour::emulation::KernelFault& fault) {
    checks.check("kernels keep the rules outside of single verbs", false, fault.what());
  }
  return checks.report();
}

#include "device.h"
#include "emulation/tests/kernels/parts.h"

int main() {
  using namespace twofour::emulation;
  Checks checks;
  try {
    check_norms(checks);
    check_products(checks);
    check_copies(checks);
    check_pooling(checks);
    check_quantised(checks);
    check_attention(checks);
  } catch (const KernelFault& fault) {
    checks.check("kernels keep the rules outside of single verbs", false, fault.what());
  }
  return checks.report();
}

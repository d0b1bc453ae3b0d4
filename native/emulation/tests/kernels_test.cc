#include "emulation/tests/kernels/parts.h"

int main() {
  using namespace twofour::emulation;
  Checks checks;
  check_norms(checks);
  check_products(checks);
  check_copies(checks);
  check_pooling(checks);
  check_quantised(checks);
  check_attention(checks);
  return checks.report();
}

#include "emulation/tests/emulator/parts.h"

int main() {
  using namespace twofour::emulation;
  Checks checks;
  check_numbers(checks);
  check_outside(checks);
  struct {
    const char* name;
    Order order;
    uint64_t seed;
  } const orders[] = {{"ascending", Order::ascending, 1},
                      {"descending", Order::descending, 1},
                      {"random 1", Order::random, 1},
                      {"random 2", Order::random, 2}};
  for (const auto& [name, order, seed] : orders) {
    set_order(order, seed);
    const std::string prefix = std::string(name) + ": ";
    check_layouts(checks, prefix);
    check_products(checks, prefix);
    check_exchanges(checks, prefix);
    check_faults(checks, prefix);
    check_launches(checks, prefix);
  }
  return checks.report();
}

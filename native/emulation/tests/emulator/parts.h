#pragma once
#include <string>

#include "emulation/device/launch.h"
#include "emulation/tests/checks.h"

/// The parts of emulator_test. `prefix` names the order that threads run in.
namespace twofour::emulation {

void check_numbers(Checks& checks);
void check_outside(Checks& checks);
void check_layouts(Checks& checks, const std::string& prefix);
void check_products(Checks& checks, const std::string& prefix);
void check_exchanges(Checks& checks, const std::string& prefix);
void check_faults(Checks& checks, const std::string& prefix);
void check_launches(Checks& checks, const std::string& prefix);

/// The sentence of the fault that `run` ends with; empty when it ends well.
template <class Run>
std::string fault_of(const Run& run) {
  try {
    run();
  } catch (const KernelFault& fault) {
    return fault.what();
  }
  return "";
}

}  // namespace twofour::emulation

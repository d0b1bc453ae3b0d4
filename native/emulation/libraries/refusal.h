#pragma once
#include <string>

#include "emulation/runtime/stand_in.h"

namespace twofour::emulation {

/// Thrown inside of a library's function where a rule is broken; becomes the status and a breach at its edge.
template <class Status>
struct Refusal {
  Status status;
  std::string sentence;
};

/// Runs the body of a library's function: an injected fault first, then the body, then what it refused.
template <class Status, class Body>
Status guarded(const char* function, const Body& body) noexcept {
  if (const int fault = emulation_fault(function)) return static_cast<Status>(fault);
  try {
    return body();
  } catch (const Refusal<Status>& refusal) {
    emulation_breach((std::string(function) + ": " + refusal.sentence).c_str());
    return refusal.status;
  }
}

}  // namespace twofour::emulation

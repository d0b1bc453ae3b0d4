#pragma once
#include <string>

#include "emulation/runtime/stand_in.h"

namespace twofour::emulation {

/// Thrown inside of a library's function; becomes a status and a sentence at its edge.
template <class Status>
struct Refusal {
  Status status;
  std::string sentence;
};

/// The status of what a library does not have, which breaks no rule: who asked may try something else.
template <class Status>
inline constexpr Status kNotSupported{};

/// Runs the body of a library's function: an injected fault first, then the body, then what it refused.
template <class Status, class Body>
Status guarded(const char* function, const Body& body) noexcept {
  if (const int fault = emulation_fault(function)) return static_cast<Status>(fault);
  try {
    return body();
  } catch (const Refusal<Status>& refusal) {
    const std::string sentence = std::string(function) + ": " + refusal.sentence;
    (refusal.status == kNotSupported<Status> ? emulation_refusal : emulation_breach)(sentence.c_str());
    return refusal.status;
  }
}

}  // namespace twofour::emulation

#pragma once
#include <string>

namespace twofour::emulation {

/// Notes a broken rule; see emulation_last_breach.
void breach(const std::string& sentence);

/// One row of the table of settings.
struct Setting {
  const char* name;
  long standard;
  const char* meaning;
};
long setting(const char* name);

/// Told by the runtime after a synchronisation, a creation or queued work, to keep the rules of the hot path.
/// True if the act is forbidden; the breach is noted then.
bool refuse_creation(const std::string& what);
bool refuse_synchronisation(const std::string& what);
bool refuse_late_work(const std::string& what);

}  // namespace twofour::emulation

#pragma once
#include <atomic>
#include <cstddef>
#include <functional>

#include "base/error.h"

namespace twofour {

/// How the outside talks to a running job: a flag to stop it, a place to report to.
/// The flag may be set from any thread; `progress` is called on the job's thread only.
struct Control {
  std::atomic<bool> cancelled{false};
  std::function<void(size_t done, size_t total)> progress;

  /// Throws Cancelled once the flag is set. Cheap: called between layers, matrices and chunks.
  void check() const {
    if (cancelled.load(std::memory_order_relaxed)) throw Cancelled();
  }
  void report(size_t done, size_t total) const {
    check();
    if (progress) progress(done, total);
  }
};

}  // namespace twofour

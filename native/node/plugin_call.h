#pragma once
#include <exception>
#include <mutex>

#include "backend/plugin.h"
#include "base/error.h"

namespace twofour::node {

/// What callbacks threw, kept while a plugin's frames are on the stack. Any thread may answer.
class Thrown {
 public:
  template <class Body>
  plugin::Answer answer(Body body) noexcept {
    try {
      body();
      return 0;
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!first_) first_ = std::current_exception();
      return 1;
    }
  }
  void rethrow() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr first_;
};

/// Calls a plugin's function. Throws Error with its code and sentence where it fails.
template <class... Parameters, class... Arguments>
void call(plugin::Status (*function)(Parameters...), Arguments... arguments) {
  plugin::Failure failure{};
  if (function(arguments..., &failure) != 0) throw Error(failure.code, failure.message);
}

/// The same for one that calls back: what a callback threw is thrown instead.
template <class... Parameters, class... Arguments>
void call_with(const Thrown& thrown, plugin::Status (*function)(Parameters...), Arguments... arguments) {
  plugin::Failure failure{};
  const plugin::Status status = function(arguments..., &failure);
  thrown.rethrow();
  if (status != 0) throw Error(failure.code, failure.message);
}

}  // namespace twofour::node

#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace twofour::emulation {

/// Objects behind opaque handles. A handle is a number that is never used twice and never an address, so that
/// a use after destroy is always found and nobody can look behind it.
template <class Handle, class Object>
class Handles {
 public:
  /// `kind` keeps the numbers of different tables apart.
  explicit Handles(uintptr_t kind) : next_((kind << 40) + 16) {}

  template <class... Arguments>
  Handle create(Arguments&&... arguments) {
    const auto handle = reinterpret_cast<Handle>(next_);
    next_ += 16;
    objects_.emplace(handle, std::make_unique<Object>(std::forward<Arguments>(arguments)...));
    return handle;
  }
  /// Null if there is no such object (any more).
  Object* find(Handle handle) const {
    const auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : found->second.get();
  }
  bool erase(Handle handle) { return objects_.erase(handle) == 1; }
  size_t size() const { return objects_.size(); }
  const std::map<Handle, std::unique_ptr<Object>>& all() const { return objects_; }

 private:
  uintptr_t next_;
  std::map<Handle, std::unique_ptr<Object>> objects_;
};

}  // namespace twofour::emulation

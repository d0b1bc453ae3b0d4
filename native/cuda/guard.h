#pragma once
#include <algorithm>
#include <exception>
#include <new>
#include <string_view>

#include "backend/plugin.h"
#include "base/error.h"

/// No exception leaves the plugin: it becomes a status and a failure.
namespace twofour::cuda {

/// Thrown where a callback of the caller said to stop; the caller knows why.
class Stopped : public std::exception {
 public:
  const char* what() const noexcept override { return "The caller stopped."; }
};

inline void check(plugin::Answer answer) {
  if (answer != 0) throw Stopped();
}

/// As much as fits, with a zero at the end. Never in the middle of a UTF-8 character.
inline void copy_text(std::string_view text, char* to, size_t capacity) noexcept {
  if (capacity == 0) return;
  size_t length = std::min(text.size(), capacity - 1);
  while (length < text.size() && length > 0 && (text[length] & 0xc0) == 0x80) --length;
  std::copy_n(text.data(), length, to);
  to[length] = '\0';
}

template <size_t Capacity>
void copy_text(std::string_view text, char (&to)[Capacity]) noexcept {
  copy_text(text, to, Capacity);
}

inline plugin::Status fail(plugin::Failure* failure, const char* code, const char* message) noexcept {
  copy_text(code, failure->code);
  copy_text(message, failure->message);
  return 1;
}

template <class Body>
plugin::Status guarded(plugin::Failure* failure, Body body) noexcept {
  try {
    body();
    return 0;
  } catch (const Error& error) {
    return fail(failure, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return fail(failure, "OUT_OF_MEMORY", "The process has no more memory.");
  } catch (const std::exception& error) {
    return fail(failure, "INTERNAL", error.what());
  } catch (...) {
    return fail(failure, "INTERNAL", "Something was thrown that is no exception.");
  }
}

}  // namespace twofour::cuda

#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace twofour {

/// The one exception of native code. `code` is one of lib/errors.ts; `what()` is a sentence with the fix.
/// Thrown with the fact that broke the rule, caught only in native/node.
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const char* code() const noexcept { return code_.c_str(); }

 private:
  std::string code_;
};

/// Thrown where a cancelled job notices its flag; never reaches a user as an error of its own.
class Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "cancelled"; }
};

}  // namespace twofour

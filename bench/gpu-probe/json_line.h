#pragma once
#include <cmath>
#include <cstdio>
#include <string>
#include <type_traits>

namespace probe {

/// One JSON object on a line of stdout, written at once so that what was found stays found.
class JsonLine {
 public:
  explicit JsonLine(const std::string& question) { add("question", question); }

  JsonLine& add(const std::string& name, const std::string& text) { return field(name, quoted(text)); }
  JsonLine& add(const std::string& name, const char* text) { return add(name, std::string(text)); }
  JsonLine& add(const std::string& name, bool value) { return field(name, value ? "true" : "false"); }
  /// What is no number is null.
  template <class Number>
    requires std::is_arithmetic_v<Number>
  JsonLine& add(const std::string& name, Number value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.15g", static_cast<double>(value));
    return field(name, std::isfinite(static_cast<double>(value)) ? text : "null");
  }
  void print() const {
    std::printf("{%s}\n", fields_.c_str());
    std::fflush(stdout);
  }

 private:
  JsonLine& field(const std::string& name, const std::string& value) {
    fields_ += (fields_.empty() ? "" : ",") + quoted(name) + ":" + value;
    return *this;
  }
  static std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out + "\"";
  }

  std::string fields_;
};

}  // namespace probe

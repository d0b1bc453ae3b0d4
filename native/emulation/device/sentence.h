#pragma once
#include <string>
#include <string_view>
#include <type_traits>

namespace twofour::emulation {

/// The parts, texts and whole numbers, one after another.
template <class... Parts>
std::string sentence(const Parts&... parts) {
  std::string whole;
  const auto append = [&](const auto& part) {
    if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(part)>>) {
      whole += std::to_string(part);
    } else {
      whole += std::string_view(part);
    }
  };
  (append(parts), ...);
  return whole;
}

}  // namespace twofour::emulation

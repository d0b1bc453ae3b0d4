#pragma once
#include <memory>

struct CUevent_st;

namespace twofour::cuda {

struct DestroyEvent {
  void operator()(CUevent_st* event) const noexcept;
};
/// Of the device that was current when it was made.
using Event = std::unique_ptr<CUevent_st, DestroyEvent>;

/// `timed`: it takes the time too, which makes it slower. Throws what `check` throws.
Event make_event(bool timed);

}  // namespace twofour::cuda

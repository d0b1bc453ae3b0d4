#include "cuda/event.h"

#include "cuda/status.h"

namespace twofour::cuda {

void DestroyEvent::operator()(CUevent_st* event) const noexcept { cudaEventDestroy(event); }

Event make_event(bool timed) {
  CUevent_st* made = nullptr;
  check(cudaEventCreateWithFlags(&made, timed ? cudaEventDefault : cudaEventDisableTiming),
        "creating an event");
  return Event(made);
}

}  // namespace twofour::cuda

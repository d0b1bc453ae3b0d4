#include <algorithm>
#include <cstdio>

#include "emulation/device/block.h"
#include "emulation/device/lanes.h"

namespace twofour::emulation {
namespace {

std::string hexadecimal(uint32_t mask) {
  char text[11];
  std::snprintf(text, sizeof text, "0x%08x", mask);
  return text;
}

}  // namespace

void Block::meet(const Meeting& meeting, uint32_t mask, void* payload, Where where) {
  Thread& thread = *threads_[current_];
  Warp& warp = warps_[current_ / kLanes];
  const uint32_t own = bit(current_);
  if (!(mask & own)) {
    fault(current_, "calls ", meeting.name, " (", emulation::name_of(where), ") with mask ",
          hexadecimal(mask), ", which leaves out its own lane");
  }
  thread.meeting = &meeting;
  thread.mask = mask;
  thread.payload = payload;
  thread.where = where;
  warp.ready &= ~own;
  warp.meeting |= own;
  thread.fiber.leave(next());
}

void Block::wait_at_barrier(Where where) {
  Thread& thread = *threads_[current_];
  Warp& warp = warps_[current_ / kLanes];
  const uint32_t own = bit(current_);
  thread.where = where;
  warp.ready &= ~own;
  warp.at_barrier |= own;
  thread.fiber.leave(next());
}

bool Block::all_there(unsigned number, unsigned lane) const {
  const Thread& one = *threads_[number * kLanes + lane];
  if (one.mask & ~warps_[number].meeting) return false;
  for (uint32_t left = one.mask; left != 0; left &= left - 1) {
    const Thread& other = *threads_[number * kLanes + lowest(left)];
    const bool same =
        other.meeting == one.meeting && other.mask == one.mask && same_place(other.where, one.where);
    if (!same) return false;
  }
  return true;
}

void Block::complete_meetings(unsigned number) {
  Warp& warp = warps_[number];
  for (uint32_t left = warp.meeting; left != 0;) {
    const unsigned lane = lowest(left);
    const Thread& one = *threads_[number * kLanes + lane];
    left &= ~bit(lane);
    if (!all_there(number, lane)) continue;
    void* payloads[kLanes] = {};
    for (uint32_t lanes = one.mask; lanes != 0; lanes &= lanes - 1) {
      payloads[lowest(lanes)] = threads_[number * kLanes + lowest(lanes)]->payload;
    }
    one.meeting->complete(*this, number, one.mask, payloads);
    left &= ~one.mask;
    warp.meeting &= ~one.mask;
    warp.ready |= one.mask;
  }
  // Nobody of this warp can go on, and no other warp can help.
  if (warp.meeting != 0 && warp.ready == 0) refuse_meeting(number);
}

void Block::refuse_meeting(unsigned number) const {
  const unsigned first = number * kLanes, waiting = first + lowest(warps_[number].meeting);
  const Thread& one = *threads_[waiting];
  unsigned missing = waiting;
  for (uint32_t left = one.mask; left != 0 && missing == waiting; left &= left - 1) {
    const unsigned lane = lowest(left);
    const Thread& other = *threads_[first + lane];
    const bool there = warps_[number].meeting & bit(lane) && other.meeting == one.meeting &&
                       other.mask == one.mask && same_place(other.where, one.where);
    if (!there) missing = first + lane;
  }
  fault(waiting, "divergence: ", whereabouts(waiting), " for ", name_of(missing), ", which ",
        whereabouts(missing));
}

/// False when all threads have returned.
bool Block::release_barrier() {
  const auto returned = [](const Warp& warp) { return warp.returned == kAllLanes; };
  if (std::all_of(warps_.begin(), warps_.end(), returned)) return false;
  const auto waiting = [](const Warp& warp) { return warp.at_barrier == kAllLanes; };
  if (!std::all_of(warps_.begin(), warps_.end(), waiting)) refuse_barrier();
  for (unsigned i = 1; i < warps_.size() * kLanes; ++i) {
    if (!same_place(threads_[i]->where, threads_[0]->where)) refuse_barrier();
  }
  warps_.assign(warps_.size(), Warp{.ready = kAllLanes});
  shared_.barrier();
  return true;
}

void Block::refuse_barrier() const {
  const auto threads = static_cast<unsigned>(warps_.size() * kLanes);
  const auto waits = [&](unsigned i) { return (warps_[i / kLanes].at_barrier & bit(i)) != 0; };
  unsigned waiting = 0;
  while (!waits(waiting)) ++waiting;
  unsigned other = 0;
  while (other + 1 < threads && waits(other) && same_place(threads_[other]->where, threads_[waiting]->where))
    ++other;
  fault(waiting, "barrier divergence: ", whereabouts(waiting), ", and ", name_of(other), " ",
        whereabouts(other));
}

std::string Block::whereabouts(unsigned number) const {
  const Thread& thread = *threads_[number];
  const Warp& warp = warps_[number / kLanes];
  const uint32_t own = bit(number);
  if (warp.returned & own) return "has returned";
  const std::string place = emulation::name_of(thread.where);
  if (warp.at_barrier & own) return sentence("waits at __syncthreads (", place, ")");
  return sentence("waits at ", thread.meeting->name, " (", place, ", mask ", hexadecimal(thread.mask), ")");
}

std::string Block::name_of(unsigned thread) const {
  return sentence("thread ", text_of(threads_[thread]->index));
}

void Block::throw_fault(unsigned thread, const std::string& what) const {
  throw KernelFault(sentence("Kernel ", work_->kernel, ", block ", text_of(blockIdx), ", ", name_of(thread),
                             ": ", what, "."));
}

}  // namespace twofour::emulation

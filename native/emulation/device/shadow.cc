#include "emulation/device/shadow.h"

#include <algorithm>

#include "emulation/device/lanes.h"

namespace twofour::emulation {
namespace {

constexpr unsigned kWarps = 32;
constexpr uint32_t kMostEpochs = uint32_t{1} << 31;

}  // namespace

Shadow::Shadow(size_t bytes) : words_((bytes + 3) / 4), warps_(kWarps) {}

void Shadow::begin_block() {
  if (epoch_ > kMostEpochs) {
    std::fill(words_.begin(), words_.end(), Cell{});
    std::fill(bytes_.begin(), bytes_.end(), Cell{});
    epoch_ = 0;
  }
  first_epoch_ = ++epoch_;
  for (Warp& warp : warps_) {
    if (warp.has_partial) warp.known = {};
    warp.generation = 1;
    warp.last_full = 0;
    warp.has_partial = false;
  }
}

void Shadow::sync_warp(unsigned number, uint32_t lanes) {
  Warp& warp = warps_[number];
  const uint32_t now = warp.generation++;
  if (lanes == kAllLanes) {
    warp.last_full = now;
    return;
  }
  warp.has_partial = true;
  std::array<uint32_t, 32> together{};
  for (unsigned a = 0; a < 32; ++a) {
    if (!(lanes & bit(a))) continue;
    for (unsigned b = 0; b < 32; ++b) together[b] = std::max(together[b], warp.known[a][b]);
    together[a] = now;
  }
  for (unsigned a = 0; a < 32; ++a) {
    if (lanes & bit(a)) warp.known[a] = together;
  }
}

bool Shadow::known_to(unsigned number, uint32_t lanes, unsigned other, uint32_t generation) const {
  const Warp& warp = warps_[number];
  lanes &= ~bit(other);
  if (lanes == 0 || warp.last_full >= generation) return true;
  if (!warp.has_partial) return false;
  for (; lanes != 0; lanes &= lanes - 1) {
    if (warp.known[lowest(lanes)][other % 32] < generation) return false;
  }
  return true;
}

Conflict Shadow::check_read(const Cell& cell, unsigned warp, uint32_t lanes) const {
  if (cell.written_epoch < first_epoch_) return {Conflict::Kind::unwritten, 0};
  if (cell.pending) return {Conflict::Kind::pending, cell.writer};
  if (cell.written_epoch != epoch_) return {};
  const bool ordered =
      cell.writer / 32u == warp && known_to(warp, lanes, cell.writer, cell.written_generation);
  if (!ordered) return {Conflict::Kind::written, cell.writer};
  return {};
}

Conflict Shadow::check_write(const Cell& cell, unsigned thread) const {
  const unsigned warp = thread / 32;
  if (cell.pending && cell.written_epoch >= first_epoch_) return {Conflict::Kind::pending, cell.writer};
  if (cell.written_epoch == epoch_ && cell.writer != thread &&
      (cell.writer / 32u != warp || !known_to(warp, bit(thread), cell.writer, cell.written_generation))) {
    return {Conflict::Kind::written, cell.writer};
  }
  if (cell.read_epoch != epoch_) return {};
  const unsigned first = cell.read_warp * 32u;
  if (cell.read_warp != warp) return {Conflict::Kind::read, first + lowest(cell.read_lanes)};
  if (cell.read_by_more) return {Conflict::Kind::read, cell.other_reader};
  for (uint32_t lanes = cell.read_lanes & ~bit(thread); lanes != 0; lanes &= lanes - 1) {
    const unsigned reader = first + lowest(lanes);
    if (!known_to(warp, bit(thread), reader, cell.read_generation)) return {Conflict::Kind::read, reader};
  }
  return {};
}

void Shadow::record_read(Cell& cell, unsigned warp, uint32_t lanes) const {
  const uint32_t now = warps_[warp].generation;
  if (cell.read_epoch != epoch_) {
    cell.read_epoch = epoch_;
    cell.read_warp = static_cast<uint16_t>(warp);
    cell.read_by_more = false;
    cell.read_lanes = lanes;
  } else if (cell.read_warp != warp) {
    cell.read_by_more = true;
    cell.other_reader = static_cast<uint16_t>(warp * 32 + lowest(lanes));
    return;
  } else if (warps_[warp].last_full >= cell.read_generation) {
    // All former readers are before this one, and so before whatever this one is before.
    cell.read_lanes = lanes;
  } else {
    cell.read_lanes |= lanes;
  }
  cell.read_generation = now;
}

void Shadow::record_write(Cell& cell, unsigned thread, bool pending) const {
  cell.written_epoch = epoch_;
  cell.written_generation = warps_[thread / 32].generation;
  cell.writer = static_cast<uint16_t>(thread);
  cell.pending = pending;
  // Former readers are before this write, and so before whatever this write is before.
  cell.read_epoch = 0;
}

template <class Visit>
Conflict Shadow::each_cell(size_t place, size_t bytes, bool uniform_after, const Visit& visit) {
  while (bytes > 0) {
    const size_t word = place / 4, within = place % 4, span = std::min(4 - within, bytes);
    Cell& cell = words_[word];
    const bool split = cell.split_in == first_epoch_;
    if (!split && span == 4) {
      if (const Conflict conflict = visit(cell); conflict.kind != Conflict::Kind::none) return conflict;
    } else {
      if (bytes_.empty()) bytes_.resize(words_.size() * 4);
      Cell* own = &bytes_[word * 4];
      if (!split) std::fill(own, own + 4, cell);
      cell.split_in = first_epoch_;
      for (size_t i = within; i < within + span; ++i) {
        if (const Conflict conflict = visit(own[i]); conflict.kind != Conflict::Kind::none) return conflict;
      }
      if (span == 4 && uniform_after) cell = own[0];
      if (span == 4 && uniform_after) cell.split_in = 0;
    }
    place += span;
    bytes -= span;
  }
  return {};
}

Conflict Shadow::read(size_t place, size_t bytes, unsigned warp, uint32_t lanes) {
  return each_cell(place, bytes, false, [&](Cell& cell) {
    const Conflict conflict = check_read(cell, warp, lanes);
    if (conflict.kind == Conflict::Kind::none) record_read(cell, warp, lanes);
    return conflict;
  });
}

Conflict Shadow::write_or_copy(size_t place, size_t bytes, unsigned thread, bool pending) {
  return each_cell(place, bytes, true, [&](Cell& cell) {
    const Conflict conflict = check_write(cell, thread);
    if (conflict.kind == Conflict::Kind::none) record_write(cell, thread, pending);
    return conflict;
  });
}

Conflict Shadow::write(size_t place, size_t bytes, unsigned thread) {
  return write_or_copy(place, bytes, thread, false);
}

Conflict Shadow::begin_copy(size_t place, size_t bytes, unsigned thread) {
  return write_or_copy(place, bytes, thread, true);
}

void Shadow::end_copy(size_t place, size_t bytes, unsigned thread) {
  each_cell(place, bytes, true, [&](Cell& cell) {
    record_write(cell, thread, false);
    return Conflict{};
  });
}

}  // namespace twofour::emulation

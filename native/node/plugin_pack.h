#pragma once
#include <functional>
#include <vector>

#include "backend/backend.h"
#include "backend/plugin.h"
#include "node/plugin_call.h"

/// What a plugin reads and tells while it packs and tunes. Both must outlive the call, and stay where they
/// are.
namespace twofour::node {

/// A matrix on its way to the plugin.
class Source {
 public:
  explicit Source(const MatrixSource& from) : from_(from) {}
  plugin::MatrixSource view() { return {from_.rows, from_.columns, this, read}; }
  Thrown thrown;

 private:
  static plugin::Answer read(void* context, size_t first, size_t count, float* out) {
    Source& self = *static_cast<Source*>(context);
    return self.thrown.answer([&] { self.from_.read(first, count, out); });
  }
  const MatrixSource& from_;
};

/// What is known of shapes on its way there, and what was measured on its way back.
class Measurements {
 public:
  Measurements(Tuning& tuning, const std::function<void()>& between) : tuning_(tuning), between_(between) {
    for (const Measurement& m : tuning.all())
      known_.push_back({m.rows, m.columns, m.kept, m.dense.c_str(), m.sparse.c_str(), m.tokens, m.dense_us,
                        m.sparse_us, m.epilogue.c_str(), m.algorithm.c_str()});
  }
  plugin::Tuning view() { return {known_.data(), known_.size(), tuning_.budget(), this, between, measured}; }
  /// Not earlier: `known_` points into what the tuning holds.
  void keep() {
    for (const Measurement& measurement : fresh_) tuning_.add(measurement, 0);
  }
  Thrown thrown;

 private:
  static plugin::Answer between(void* context) {
    Measurements& self = *static_cast<Measurements*>(context);
    return self.thrown.answer(self.between_);
  }
  static plugin::Answer measured(void* context, const plugin::Measurement* m) {
    Measurements& self = *static_cast<Measurements*>(context);
    return self.thrown.answer([&] {
      self.fresh_.push_back({m->rows, m->columns, m->kept, m->dense, m->sparse, m->tokens, m->dense_us,
                             m->sparse_us, m->epilogue, m->algorithm});
    });
  }
  Tuning& tuning_;
  const std::function<void()>& between_;
  std::vector<plugin::Measurement> known_;
  std::vector<Measurement> fresh_;
};

}  // namespace twofour::node

#pragma once
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "backend/plugin.h"
#include "node/plugin_call.h"

/// What a plugin reads and tells while it packs. Both must outlive the call, and stay where they are.
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
  explicit Measurements(Tuning* tuning) : tuning_(tuning) {
    if (tuning == nullptr) return;
    for (const Measurement& m : tuning->all())
      known_.push_back({m.rows, m.columns, m.kept, m.dense.c_str(), m.sparse.c_str(), m.tokens, m.dense_us,
                        m.sparse_us, m.algorithm.c_str()});
  }
  void put_into(plugin::LinearWeights& weights) {
    if (tuning_ == nullptr) return;
    weights.has_tuning = true;
    put(weights);
  }
  void put_into(plugin::Calibration& seen) { put(seen); }
  /// Not earlier: `known_` points into what the tuning holds.
  void keep() {
    for (const auto& [measurement, seconds] : fresh_) tuning_->add(measurement, seconds);
  }
  Thrown thrown;

 private:
  template <class View>
  void put(View& view) {
    view.known = known_.data();
    view.known_count = known_.size();
    view.budget = tuning_->budget();
    view.context = this;
    view.measured = measured;
  }
  static plugin::Answer measured(void* context, const plugin::Measurement* m, double seconds) {
    Measurements& self = *static_cast<Measurements*>(context);
    return self.thrown.answer([&] {
      self.fresh_.push_back({{m->rows, m->columns, m->kept, m->dense, m->sparse, m->tokens, m->dense_us,
                              m->sparse_us, m->algorithm},
                             seconds});
    });
  }
  Tuning* tuning_;
  std::vector<plugin::Measurement> known_;
  std::vector<std::pair<Measurement, double>> fresh_;
};

}  // namespace twofour::node

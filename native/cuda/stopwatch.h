#pragma once
#include <functional>

#include "cuda/context.h"
#include "cuda/event.h"

namespace twofour::cuda {

/// µs between two places of a stream.
class Clock {
 public:
  explicit Clock(Stream stream);

  void start();
  /// Waits.
  double stop();

 private:
  Stream stream_;
  Event begin_, end_;
};

/// Times of work on the context's stream, by events around it. µs, medians.
class Stopwatch {
 public:
  explicit Stopwatch(Context& context);

  using Work = std::function<void()>;

  /// To sort candidates by: few rounds after a first one that is not counted, cold caches. Only one round for
  /// what takes twice as long as `least`, the fastest so far.
  double quick(const Work& work, double least);

  struct Pair {
    double first_us, second_us;
    double ratio;      ///< Median of first / second over rounds that sampled both.
    double low_ratio;  ///< What at least nine tenths of the rounds reach.
  };
  /// In turn, so that clocks and heat are the same for both. `cold`: the second level of caches is emptied
  /// before each, as between the layers of a large model.
  Pair compare(const Work& first, const Work& second, bool cold);

 private:
  double once(const Work& work, bool cold);

  Context& context_;
  Arena::Block flush_;
  size_t flush_bytes_;
  Clock clock_;
};

}  // namespace twofour::cuda

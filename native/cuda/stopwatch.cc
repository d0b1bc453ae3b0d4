#include "cuda/stopwatch.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <vector>

#include "cuda/status.h"

namespace twofour::cuda {
namespace {

constexpr size_t kQuickRounds = 5;
constexpr int kRounds = 31;

double quantile(std::vector<double> values, double share) {
  const auto at = values.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

Clock::Clock(Stream stream) : stream_(stream), begin_(make_event(true)), end_(make_event(true)) {}

void Clock::start() { check(cudaEventRecord(begin_.get(), stream_), "measuring"); }

double Clock::stop() {
  check(cudaEventRecord(end_.get(), stream_), "measuring");
  check(cudaEventSynchronize(end_.get()), "measuring");
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin_.get(), end_.get()), "measuring");
  return static_cast<double>(milliseconds) * 1000;
}

Stopwatch::Stopwatch(Context& context)
    : context_(context), flush_bytes_(2 * context.cache_bytes()), clock_(context.stream()) {
  flush_ = context.memory().take(flush_bytes_);
}

double Stopwatch::once(const Work& work, bool cold) {
  if (cold && flush_bytes_ > 0)
    check(cudaMemsetAsync(flush_.data(), 0, flush_bytes_, context_.stream()), "emptying the caches");
  clock_.start();
  work();
  return clock_.stop();
}

double Stopwatch::quick(const Work& work, double least) {
  once(work, true);
  std::vector<double> rounds{once(work, true)};
  if (rounds[0] > 2 * least) return rounds[0];
  while (rounds.size() < kQuickRounds) rounds.push_back(once(work, true));
  return quantile(std::move(rounds), 0.5);
}

Stopwatch::Pair Stopwatch::compare(const Work& first, const Work& second, bool cold) {
  once(first, cold);
  once(second, cold);
  std::vector<double> firsts, seconds, ratios;
  for (int round = 0; round < kRounds; ++round) {
    // Who comes first changes, so that neither always follows the other.
    const bool swapped = round % 2 == 1;
    const double early = once(swapped ? second : first, cold), late = once(swapped ? first : second, cold);
    firsts.push_back(swapped ? late : early);
    seconds.push_back(swapped ? early : late);
    ratios.push_back(firsts.back() / seconds.back());
  }
  return {quantile(std::move(firsts), 0.5), quantile(std::move(seconds), 0.5), quantile(ratios, 0.5),
          quantile(ratios, 0.1)};
}

}  // namespace twofour::cuda

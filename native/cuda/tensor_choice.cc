#include <algorithm>
#include <chrono>
#include <cstdio>

#include "backend/formats.h"
#include "base/error.h"
#include "cuda/tensor_trial.h"

/// Choosing between one scale for all inputs and one for each token, by time.
namespace twofour::cuda {
namespace {

/// That what the library refuses at all is found with.
constexpr size_t kProof = 64;

constexpr const char* kNotMeasured =
    "Not measured: loading had spent its time for that. `twofour tune` measures without a bound.";
constexpr const char* kRefused = "The library refused one scale for all tokens here, or gave other numbers.";

}  // namespace

std::string TensorScale::sentence_of(const Found& found, bool sparse) {
  const double ratio = found.ratio();
  char text[160];
  std::snprintf(text, sizeof text, "One scale for all tokens (%s) is %s by %.2f ×%s, measured at %zu %s.",
                sparse ? "cuSPARSELt" : "cuBLASLt", ratio >= 1 ? "faster" : "slower",
                ratio >= 1 ? ratio : 1 / ratio, ratio >= 1 && !found.sparse_wins ? ", within the spread" : "",
                found.tokens, found.tokens == 1 ? "token" : "tokens");
  return text;
}

void TensorScale::prove() {
  // Alone too, because errors are measured so.
  for (const Calibration& epilogue : {seen_, Calibration{.largest = seen_.largest}}) {
    Trial trial(*this, epilogue, kProof);
    Found unused;
    dense_ = dense_ && trial.pick_dense(unused, false);
    sparse_ = sparse_ && trial.pick_sparse(unused, false);
  }
  dense_plans_.clear();
  sparse_plans_.clear();
  if (!has_form()) why_not_ = "The library refused one scale for all tokens, or gave other numbers.";
}

void TensorScale::begin_tuning(size_t most_tokens) {
  classes_.clear();
  for (TokenClass& one : token_classes(most_tokens, true)) {
    one.reason = kNotMeasured;
    classes_.push_back({std::move(one)});
  }
}

void TensorScale::tune(size_t index, Tuning& tuning) {
  Class& one = classes_[index];
  if (!recall(one, tuning) && tuning.has_budget()) {
    try {
      measure(one, tuning);
    } catch (const Error& error) {
      if (std::string_view(error.code()) != "OUT_OF_MEMORY") throw;
      one.reason = "Not measured: the device had no memory for it.";
    }
  }
  const Found* found = one.decisive();
  if (found == nullptr) return;
  one.tensor = found->sparse_wins;
  one.reason = sentence_of(*found, one.sparse);
}

bool TensorScale::recall(Class& one, const Tuning& tuning) const {
  for (const bool sparse : {true, false}) {
    if (!has(sparse)) continue;
    one.sparse = sparse;
    for (TokenClass::End& end : one.ends) end.found = known(end.tokens, sparse, tuning);
    if (one.is_known()) return true;
  }
  return false;
}

void TensorScale::measure(Class& one, Tuning& tuning) {
  for (TokenClass::End& end : one.ends) end.found.reset();
  std::optional<bool> form;
  for (TokenClass::End& end : one.ends) {
    const auto begin = std::chrono::steady_clock::now();
    Trial trial(*this, seen_, end.tokens);
    Found found{.tokens = end.tokens};
    form = trial.pick(found, form);
    if (form) trial.compare(found, *form);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    if (!form) {
      one.reason = kRefused;
      return tuning.spend(spent.count());
    }
    one.sparse = *form;
    end.found = found;
    Measurement measurement = wanted(end.tokens, *form);
    measurement.dense_us = found.dense_us;
    measurement.sparse_us = *found.sparse_us;
    measurement.algorithm = found.algorithm();
    tuning.add(measurement, spent.count());
  }
}

/// All but times and algorithm.
Measurement TensorScale::wanted(size_t tokens, bool sparse) const {
  const std::string name(name_of(source_.format));
  const auto form = [&](bool is_sparse) { return (is_sparse ? "sparse " : "") + name; };
  std::string epilogue = "bias";
  if (seen_.activation != Activation::none) epilogue += ", " + std::string(name_of(seen_.activation));
  if (seen_.residual) epilogue += ", residual";
  return {.rows = source_.weight.rows,
          .columns = source_.weight.columns,
          .kept = source_.compressed.data() != nullptr ? size_t{50} : size_t{100},
          .dense = form(token_.is_sparse(tokens)) + " by token",
          .sparse = form(sparse) + " by one scale",
          .tokens = tokens,
          .dense_us = 0,
          .sparse_us = 0,
          .epilogue = epilogue};
}

std::optional<Found> TensorScale::known(size_t tokens, bool sparse, const Tuning& tuning) const {
  const std::optional<Measurement> measurement = tuning.find(wanted(tokens, sparse));
  if (!measurement) return std::nullopt;
  std::optional<Found> found = Found::from(measurement->algorithm);
  if (!found) return std::nullopt;
  found->tokens = tokens;
  found->dense_us = measurement->dense_us;
  found->sparse_us = measurement->sparse_us;
  return found;
}

}  // namespace twofour::cuda

#include <chrono>
#include <cstdio>

#include "backend/formats.h"
#include "cuda/tensor_trial.h"

/// Choosing between one scale for all inputs and one for each token, by time.
namespace twofour::cuda {
namespace {

/// That what the library refuses at all is found with.
constexpr size_t kProof = 64;

}  // namespace

std::string TensorScale::reason_of(double ratio, bool wins, bool sparse, size_t tokens) {
  char text[160];
  std::snprintf(text, sizeof text, "One scale for all tokens (%s) is %s by %.2f ×%s, measured at %zu %s.",
                sparse ? "cuSPARSELt" : "cuBLASLt", ratio >= 1 ? "faster" : "slower",
                ratio >= 1 ? ratio : 1 / ratio, ratio >= 1 && !wins ? ", within the spread" : "", tokens,
                tokens == 1 ? "token" : "tokens");
  return text;
}

std::string TensorScale::Choice::algorithm() const {
  char text[96];
  std::snprintf(text, sizeof text, "%s, dense %zu, sparse %d, %s wins", sparse ? "sparse" : "dense",
                dense_algorithm, sparse_algorithm.id, tensor ? "tensor" : "token");
  return text;
}

std::optional<TensorScale::Choice> TensorScale::Choice::from(const Measurement& known) {
  Choice choice{.token_us = known.dense_us, .tensor_us = known.sparse_us};
  char form[8] = {}, verdict[8] = {};
  if (std::sscanf(known.algorithm.c_str(), "%6[a-z], dense %zu, sparse %d, %6s wins", form,
                  &choice.dense_algorithm, &choice.sparse_algorithm.id, verdict) != 4)
    return std::nullopt;
  choice.sparse = std::string_view(form) == "sparse";
  choice.tensor = std::string_view(verdict) == "tensor";
  choice.reason = reason_of(known.dense_us / known.sparse_us, choice.tensor, choice.sparse, known.tokens);
  return choice;
}

void TensorScale::choose(std::span<const size_t> bounds, const Calibration& seen, const TokenForm& token) {
  if (!has_form()) return;
  prove(seen, token);
  if (!has_form()) return;
  for (const size_t bound : bounds) choices_.push_back(chosen(bound, seen, token));
  choices_.back().tokens.reset();
}

void TensorScale::prove(const Calibration& seen, const TokenForm& token) {
  // Alone too, because errors are measured so.
  for (const Calibration& epilogue : {seen, Calibration{.largest = seen.largest, .tuning = seen.tuning}}) {
    Trial trial(*this, epilogue, token, kProof);
    Choice unused;
    dense_ = dense_ && trial.pick_dense(unused, false);
    sparse_ = sparse_ && trial.pick_sparse(unused, false);
  }
  dense_plans_.clear();
  sparse_plans_.clear();
  if (!has_form()) why_not_ = "The library refused one scale for all tokens, or gave other numbers.";
}

/// For more than half of `bound` tokens and up to it, measured at the fewest of them.
TensorScale::Choice TensorScale::chosen(size_t bound, const Calibration& seen, const TokenForm& token) {
  const size_t tokens = bound / 2 + 1;
  const std::string name(name_of(source_.format));
  Measurement wanted{.rows = source_.weight.rows,
                     .columns = source_.weight.columns,
                     .kept = sparse_ ? size_t{50} : size_t{100},
                     .dense = name + " per token",
                     .sparse = name + " per tensor, activation " +
                               std::to_string(static_cast<int>(seen.activation)) +
                               (seen.residual ? ", residual" : ""),
                     .tokens = tokens,
                     .dense_us = 0,
                     .sparse_us = 0};
  std::optional<Choice> choice;
  if (const std::optional<Measurement> known = seen.tuning->find(wanted)) choice = Choice::from(*known);
  if (!choice && seen.tuning->has_budget()) {
    const auto begin = std::chrono::steady_clock::now();
    choice.emplace();
    Trial trial(*this, seen, token, tokens);
    const bool dense = dense_ && trial.pick_dense(*choice, true),
               sparse = sparse_ && trial.pick_sparse(*choice, true);
    if (dense || sparse) trial.compare(*choice, dense, sparse);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    if (choice->token_us) {
      wanted.dense_us = *choice->token_us;
      wanted.sparse_us = *choice->tensor_us;
      wanted.algorithm = choice->algorithm();
      seen.tuning->add(wanted, spent.count());
    } else {
      choice->reason = "The library refused one scale for all tokens here, or gave other numbers.";
      seen.tuning->spend(spent.count());
    }
  }
  if (!choice) {
    choice.emplace();
    choice->reason = "Not measured: loading had spent its time for that.";
  }
  // What is known may be of a matrix that still has its other form.
  if (choice->sparse ? !sparse_ : !dense_) choice->tensor = false;
  choice->tokens = bound;
  return *choice;
}

}  // namespace twofour::cuda

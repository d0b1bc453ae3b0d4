#pragma once
#include <optional>
#include <string>
#include <vector>

namespace twofour {

/// What two forms of one matrix cost on this machine, or the one that it has.
struct Measurement {
  size_t rows, columns;
  size_t kept;                ///< Weights that are not zero, in per cent, rounded up to a multiple of 5.
  std::string dense, sparse;  ///< Names of the forms; `sparse` is empty where there is none.
  size_t tokens;
  double dense_us, sparse_us;  ///< `sparse_us` is NaN where there is no sparse form.
  /// What the product adds and applies; empty where that makes no difference.
  std::string epilogue = {};
  /// What the backend needs to run them so again; empty where the names say it all.
  std::string algorithm = {};
};

/// What is known about shapes, and how long more may be measured. One per load; not thread-safe.
class Tuning {
 public:
  /// `budget`: seconds; infinite for no bound.
  Tuning(std::vector<Measurement> known, double budget) : all_(std::move(known)), budget_(budget) {
    known_ = all_.size();
  }

  /// What `wanted` (its times not looked at) cost, where that was measured.
  std::optional<Measurement> find(const Measurement& wanted) const;
  bool has_budget() const { return budget_ > 0; }
  double budget() const { return budget_; }
  const std::vector<Measurement>& all() const { return all_; }
  void add(const Measurement& measured, double seconds);
  /// What was spent on finding nothing that could be kept.
  void spend(double seconds) { budget_ -= seconds; }
  /// Those that were added.
  std::vector<Measurement> measured() const {
    return {all_.begin() + static_cast<ptrdiff_t>(known_), all_.end()};
  }

 private:
  std::vector<Measurement> all_;
  size_t known_;
  double budget_;
};

}  // namespace twofour

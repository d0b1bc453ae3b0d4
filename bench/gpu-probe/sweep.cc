#include <algorithm>

#include "case.h"
#include "choices.h"
#include "cuda/buckets.h"
#include "questions.h"
#include "turns.h"

/// Every shape × tokens × dtype: the best of cuBLASLt at the true number of tokens, the best of an exhaustive
/// search of cuSPARSELt at twofour's capacity, and what twofour chose, in turn in the same rounds.
namespace probe {
namespace {

/// Of the quick search, how many are measured well.
constexpr size_t kFinalists = 4;

size_t best_dense(DenseProduct& product, Stopwatch& stopwatch, const Work& work) {
  size_t best = 0;
  double least = 0;
  for (size_t algorithm = 0; algorithm < product.algorithms(); ++algorithm) {
    product.choose(algorithm);
    const double us = stopwatch.quick(work);
    if (algorithm == 0 || us < least) best = algorithm, least = us;
  }
  return best;
}

struct Candidate {
  Algorithm algorithm;
  double us;
};

class Trial {
 public:
  Trial(const Session& session, const Settings& settings, const std::vector<Choice>& choices,
        const Problem& problem)
      : session_(session),
        settings_(settings),
        problem_(problem),
        choice_(choice_for(choices, problem)),
        stopwatch_(session.stream()),
        line_(line_of("sweep", problem)) {
    problem_.residual = choice_ && choice_->residual;
    padded_ = problem_;
    padded_.tokens = twofour::cuda::capacity_of(problem.tokens);
  }

  void run() {
    line_.add("capacity", padded_.tokens).add("residual", problem_.residual).add("from", now());
    try {
      measure();
    } catch (const Refused& refused) {
      line_.add("refused", refused.what());
    }
    line_.print();
  }

 private:
  void measure() {
    made_ = std::make_unique<Case>(padded_);
    DenseProduct dense(session_, problem_, made_->bias_pointer());
    const Work dense_work = dense_run(dense);
    dense.choose(best_dense(dense, stopwatch_, dense_work));
    dense_work();
    check(cudaStreamSynchronize(session_.stream()), "multiplying");
    wanted_ = true_ends();
    subjects_.push_back({"dense", dense_work});

    if (session_.has_sparse()) find_sparse();
    const std::unique_ptr<DenseProduct> chosen_dense = plan_choice();
    take_turns(stopwatch_, subjects_, settings_.rounds);
    report();
    if (settings_.sustain > 0 && problem_.tokens == settings_.sustain_tokens) sustain();
  }

  Work dense_run(const DenseProduct& product) const {
    return
        [this, &product] { product.run(made_->dense_operands(), session_.stream(), session_.workspace(0)); };
  }
  Work sparse_run(const SparseProduct& product) const {
    // Asked for each time: another product may have made it larger.
    return [this, &product] {
      product.run(made_->sparse_operands(compressed_), session_.stream(),
                  session_.workspace(product.workspace_bytes()));
    };
  }

  std::unique_ptr<SparseProduct> planned(const Algorithm& algorithm) const {
    return std::make_unique<SparseProduct>(session_, padded_, made_->bias_pointer(), algorithm);
  }

  void find_sparse() {
    try {
      compressed_ = planned({})->compress(made_->weight);
      const std::vector<Candidate> candidates = search();
      line_.add("candidates", candidates.size());
      for (const Candidate& each : candidates) {
        if (finalists_.size() == kFinalists) break;
        std::unique_ptr<SparseProduct> product = planned(each.algorithm);
        if (!agrees(*product)) continue;
        finalists_.push_back(std::move(product));
        subjects_.push_back({name_of(each.algorithm), sparse_run(*finalists_.back())});
      }
      line_.add("wrong", wrong_);
    } catch (const Refused& refused) {
      line_.add("sparseRefused", refused.what());
    }
  }

  /// All that run, the fastest first.
  std::vector<Candidate> search() {
    std::vector<Candidate> found;
    for (const Algorithm& algorithm : algorithms(session_, padded_, made_->bias_pointer())) {
      try {
        const std::unique_ptr<SparseProduct> product = planned(algorithm);
        found.push_back({algorithm, stopwatch_.quick(sparse_run(*product))});
      } catch (const Refused&) {
      }
    }
    std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) { return a.us < b.us; });
    return found;
  }

  bool agrees(const SparseProduct& product) {
    made_->out.fill(0xFF);
    check(cudaDeviceSynchronize(), "waiting");
    sparse_run(product)();
    check(cudaStreamSynchronize(session_.stream()), "multiplying");
    const bool right = apart(problem_.output, true_ends(), wanted_) <= tolerance_of(problem_.output);
    if (!right) ++wrong_;
    return right;
  }

  /// Without the rows beyond the true count.
  std::vector<std::byte> true_ends() {
    made_->problem.tokens = problem_.tokens;
    std::vector<std::byte> bytes = made_->ends();
    made_->problem.tokens = padded_.tokens;
    return bytes;
  }

  /// The last subject, in the rows that the plugin computes.
  std::unique_ptr<DenseProduct> plan_choice() {
    if (!choice_) return nullptr;
    try {
      if (choice_->sparse) {
        finalists_.push_back(planned(choice_->sparse_algorithm));
        line_.add("choiceRight", agrees(*finalists_.back()));
        subjects_.push_back({"choice", sparse_run(*finalists_.back())});
        return nullptr;
      }
      Problem computed = problem_;
      computed.tokens = twofour::cuda::dense_rows_of(problem_.tokens);
      auto product = std::make_unique<DenseProduct>(session_, computed, made_->bias_pointer());
      line_.add("choiceTaken", product->choose(choice_->dense_algorithm));
      subjects_.push_back({"choice", dense_run(*product)});
      return product;
    } catch (const Refused& refused) {
      line_.add("choiceRefused", refused.what());
      return nullptr;
    }
  }

  void report() {
    const Subject* best = nullptr;
    const Subject* chosen = nullptr;
    for (const Subject& each : subjects_) {
      if (each.name == "choice")
        chosen = &each;
      else if (&each != &subjects_[0] && (best == nullptr || median(each.cold) < median(best->cold)))
        best = &each;
    }
    const double operations =
        2.0 * static_cast<double>(problem_.rows) * static_cast<double>(problem_.columns * problem_.tokens);
    add("dense", subjects_[0]);
    line_.add("denseTeraflops", operations / median(subjects_[0].cold) / 1e6);
    if (best != nullptr) {
      add("sparse", *best);
      line_.add("sparseAlgorithm", best->name);
      best_ = best;
    }
    if (chosen == nullptr) return;
    add("choice", *chosen);
    line_.add("choice", choice_->sparse ? name_of(choice_->sparse_algorithm) : "dense");
    if (choice_->sparse && best != nullptr)
      line_.add("choiceOverBest", median(chosen->cold) / median(best->cold));
  }

  void add(const std::string& name, const Subject& subject) {
    line_.add(name + "Us", median(subject.cold)).add(name + "WarmUs", median(subject.warm));
    if (name == "dense") return;
    std::vector<double> ratios = subject.against_first;
    std::sort(ratios.begin(), ratios.end());
    line_.add(name + "Ratio", median(ratios));
    line_.add(name + "RatioLow", ratios[ratios.size() / 10])
        .add(name + "RatioHigh", ratios[ratios.size() * 9 / 10]);
    line_.add(name + "WarmRatio", median(subject.warm_against_first));
  }

  /// Long enough for the power that is drawn to be read meanwhile.
  void sustain() {
    repeat("dense", subjects_[0]);
    if (best_ != nullptr) repeat("sparse", *best_);
  }

  void repeat(const std::string& name, const Subject& subject) {
    const double begin = now();
    size_t runs = 0;
    while (now() - begin < settings_.sustain * 1000) {
      for (int i = 0; i < subject.times; ++i) subject.work();
      check(cudaStreamSynchronize(session_.stream()), "multiplying");
      runs += static_cast<size_t>(subject.times);
    }
    const double end = now();
    line_.add(name + "SustainedFrom", begin).add(name + "SustainedTo", end);
    line_.add(name + "SustainedUs", 1000 * (end - begin) / static_cast<double>(runs));
  }

  const Session& session_;
  const Settings& settings_;
  Problem problem_, padded_;
  std::optional<Choice> choice_;
  Stopwatch stopwatch_;
  JsonLine line_;
  std::unique_ptr<Case> made_;
  std::vector<std::byte> wanted_;
  Memory compressed_;
  size_t wrong_ = 0;
  std::vector<std::unique_ptr<SparseProduct>> finalists_;
  std::vector<Subject> subjects_;
  const Subject* best_ = nullptr;
};

}  // namespace

void sweep(const Session& session, const Settings& settings) {
  const std::vector<Choice> choices = read_choices(settings.choices);
  const double end = now() + settings.seconds * 1000;
  size_t left_out = 0;
  // What matters most comes first in each list, so that what fits the time is the most telling part.
  for (const size_t tokens : settings.tokens)
    for (const Number number : settings.dtypes)
      for (const auto& [rows, columns] : settings.shapes) {
        if (now() > end)
          ++left_out;
        else
          Trial(session, settings, choices, usual_problem(number, rows, columns, tokens)).run();
      }
  if (left_out > 0) JsonLine("sweep").add("leftOut", left_out).print();
}

}  // namespace probe

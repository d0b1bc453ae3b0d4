#pragma once
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "cpu/linear_form.h"

namespace twofour::cpu {

/// A matrix in one or more forms, and which of them runs for how many tokens.
class CpuLinear final : public PackedLinear {
 public:
  struct Bucket {
    std::optional<size_t> tokens;  ///< Upper bound; the last has none.
    size_t form;
    std::optional<double> dense_us, sparse_us;
    std::string reason;
  };
  CpuLinear(size_t rows, size_t columns, size_t nonzeros,
            std::vector<std::unique_ptr<const LinearForm>> forms, std::vector<Bucket> buckets)
      : rows_(rows),
        columns_(columns),
        nonzeros_(nonzeros),
        forms_(std::move(forms)),
        buckets_(std::move(buckets)) {}

  size_t rows() const override { return rows_; }
  size_t columns() const override { return columns_; }
  size_t nonzeros() const override { return nonzeros_; }
  std::vector<Form> forms() const override;
  std::vector<Choice> choices() const override;

  const LinearForm& form_for(size_t tokens) const;

 private:
  size_t rows_, columns_, nonzeros_;
  std::vector<std::unique_ptr<const LinearForm>> forms_;
  std::vector<Bucket> buckets_;
};

}  // namespace twofour::cpu

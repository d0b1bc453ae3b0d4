#include "engine/moment_sums.h"

#include <algorithm>

namespace twofour {
namespace {

void add_columns(std::span<const float> rows, std::vector<double>& sums, std::vector<double>& squares) {
  const size_t width = sums.size();
  for (size_t begin = 0; begin < rows.size(); begin += width) {
    for (size_t i = 0; i < width; ++i) {
      const double x = rows[begin + i];
      sums[i] += x;
      squares[i] += x * x;
    }
  }
}

std::vector<float> rounded(std::vector<double>&& total) {
  const std::vector<double> owned = std::move(total);
  return {owned.begin(), owned.end()};
}

}  // namespace

MomentKind kind_of(const Moments& moments) {
  return {.columns = moments.columns, .full = !moments.products.empty(), .rows = moments.rows};
}

MomentSums::MomentSums(MomentKind kind, Backend& backend, Analysis& analysis)
    : kind_(kind),
      backend_(backend),
      analysis_(analysis),
      products_(kind.full ? kind.columns * kind.columns : 0),
      cross_(kind.rows * kind.columns) {
  moments_.columns = kind.columns;
  moments_.sums.resize(kind.columns);
  moments_.squares.resize(kind.columns);
  moments_.rows = kind.rows;
  moments_.targets.resize(kind.rows);
  moments_.energies.resize(kind.rows);
}

void MomentSums::start_from(const Moments& before) {
  moments_.tokens = before.tokens;
  moments_.sums = before.sums;
  moments_.squares = before.squares;
  moments_.targets = before.targets;
  moments_.energies = before.energies;
  products_.assign(before.products.begin(), before.products.end());
  cross_.assign(before.cross.begin(), before.cross.end());
}

void MomentSums::add(const Activations& x, const Activations* y) {
  moments_.tokens += x.tokens();
  download(x);
  add_columns(rows_, moments_.sums, moments_.squares);
  if (kind_.full) add_products(x, x, products_);
  if (y == nullptr) return;
  download(*y);
  add_columns(rows_, moments_.targets, moments_.energies);
  add_products(*y, x, cross_);
}

Moments MomentSums::finish() {
  sums_ = rows_ = {};
  moments_.products = rounded(std::move(products_));
  moments_.cross = rounded(std::move(cross_));
  return std::move(moments_);
}

void MomentSums::add_products(const Activations& a, const Activations& b, std::vector<double>& total) {
  sums_.assign(total.size(), 0.0f);
  analysis_.add_products(a, b, sums_);
  for (size_t i = 0; i < total.size(); ++i) total[i] += sums_[i];
}

void MomentSums::download(const Activations& from) {
  rows_.resize(from.tokens() * from.width());
  backend_.download(from, rows_);
}

}  // namespace twofour

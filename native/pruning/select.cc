#include "pruning/select.h"

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/bits.h"
#include "pruning/keys.h"
#include "pruning/scores.h"

namespace twofour::pruning {
namespace {

struct Matrix {
  size_t rows, columns;
  std::vector<uint8_t> bits;
  std::vector<Key> keys;  ///< Of all elements, only while they are compared across rows.
};

/// Rows of one matrix that are read and scored together. The first element starts a byte of bits, so that
/// several threads may decide about one matrix.
struct Rows {
  size_t matrix, first, count;
};

/// Memory of one thread.
struct Scratch {
  std::vector<float> scores;
  std::vector<Key> keys, row;
};

/// One call of `select`.
struct Job {
  const std::vector<WeightSource>& sources;
  const Ranking& ranking;
  ThreadPool& pool;
  Control& control;
  std::vector<Matrix> matrices;
};

Matrix kept_before(const WeightSource& source) {
  return {
      source.stored_rows(), source.stored_columns(), kept_bits(source.bits, source.stored_elements()), {}};
}

void add_rows(const Job& job, size_t index, std::vector<Rows>& parts) {
  constexpr size_t kElements = size_t{1} << 16;  // scores and keys fit a core's cache
  const auto& [rows, columns, bits, keys] = job.matrices[index];
  const size_t step = std::max<size_t>(kElements / std::max<size_t>(columns, 1) / 8, 1) * 8;
  for (size_t first = 0; first < rows; first += step)
    parts.push_back({index, first, std::min(step, rows - first)});
}

Score score_of(const Job& job, size_t index) {
  const Ranking& by = job.ranking;
  const Moments* moments = by.moments.empty() ? nullptr : by.moments[index].get();
  return score_named(by.score, {job.sources[index], moments, {by.seed, by.stream, index}});
}

/// `keys` is [rows.count, columns].
void find_keys(const Job& job, const Score& score, const Rows& rows, std::vector<float>& scores,
               std::span<Key> keys) {
  const WeightSource& source = job.sources[rows.matrix];
  const size_t begin = rows.first * source.stored_columns();
  scores.resize(keys.size());
  RowReader(source).finite_floats(rows.first, rows.count, scores.data());
  score(begin, scores);
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = std::bit_cast<Key>(scores[i]) + 1;
  if (job.ranking.reverse) {
    // From the key of infinity down, so that none becomes that of a weight that is gone.
    constexpr Key kHighest = std::bit_cast<Key>(std::numeric_limits<float>::infinity()) + 1;
    for (Key& key : keys) key = kHighest + 1 - key;
  }
  for (size_t i = 0; i < keys.size() && !source.bits.empty(); ++i) {
    if (!bit_at(source.bits, begin + i)) keys[i] = 0;
  }
}

/// Runs body(score, rows, scratch) for all rows of all matrices.
template <class Body>
void for_rows(const Job& job, Body&& body) {
  std::vector<Rows> parts;
  for (size_t index = 0; index < job.matrices.size(); ++index) add_rows(job, index, parts);
  std::vector<Score> scores(job.matrices.size());
  job.pool.run(scores.size(), [&](size_t index, size_t) {
    job.control.check();
    scores[index] = score_of(job, index);
  });
  std::vector<Scratch> scratch(job.pool.size());
  job.pool.run(parts.size(), [&](size_t part, size_t worker) {
    job.control.check();
    body(scores[parts[part].matrix], parts[part], scratch[worker]);
    // Parts are claimed in order, so the matrices before this one are done, or as good as done.
    if (worker == 0) job.control.report(parts[part].matrix, job.matrices.size());
  });
}

size_t to_remove(double fraction, size_t count) {
  return std::min(count, static_cast<size_t>(std::floor(fraction * static_cast<double>(count) + 0.5)));
}

void thin_out_rows(Job& job, double fraction) {
  for_rows(job, [&](const Score& score, const Rows& rows, Scratch& scratch) {
    Matrix& matrix = job.matrices[rows.matrix];
    scratch.keys.resize(rows.count * matrix.columns);
    find_keys(job, score, rows, scratch.scores, scratch.keys);
    for (size_t row = 0; row < rows.count; ++row) {
      clear_lowest_of_row(std::span(scratch.keys).subspan(row * matrix.columns, matrix.columns),
                          to_remove(fraction, matrix.columns), matrix.bits,
                          (rows.first + row) * matrix.columns, scratch.row);
    }
  });
}

/// Runs body(matrix, scratch) for all matrices.
template <class Body>
void for_matrices(const Job& job, Body&& body) {
  std::atomic<size_t> done{0};
  std::vector<Scratch> scratch(job.pool.size());
  job.pool.run(job.matrices.size(), [&](size_t index, size_t worker) {
    body(index, scratch[worker]);
    ++done;
    if (worker == 0) job.control.report(done, job.matrices.size());
  });
}

/// Of a whole matrix.
void find_all_keys(const Job& job, size_t index, std::vector<float>& scores, std::vector<Key>& keys) {
  const Matrix& matrix = job.matrices[index];
  // Here, and gone afterwards: what a score knows of a matrix may be larger than the matrix.
  const Score score = score_of(job, index);
  keys.resize(matrix.rows * matrix.columns);
  std::vector<Rows> parts;
  add_rows(job, index, parts);
  for (const Rows& rows : parts) {
    job.control.check();
    find_keys(job, score, rows, scores,
              std::span(keys).subspan(rows.first * matrix.columns, rows.count * matrix.columns));
  }
}

void thin_out_matrices(Job& job, double fraction) {
  for_matrices(job, [&](size_t index, Scratch& scratch) {
    find_all_keys(job, index, scratch.scores, scratch.keys);
    const std::span<const Key> run(scratch.keys);
    std::span<uint8_t> bits(job.matrices[index].bits);
    clear_lowest({&run, 1}, to_remove(fraction, run.size()), {&bits, 1});
  });
}

void thin_out_together(Job& job, double fraction) {
  for_matrices(job, [&](size_t index, Scratch& scratch) {
    find_all_keys(job, index, scratch.scores, job.matrices[index].keys);
  });
  std::vector<std::span<const Key>> keys;
  std::vector<std::span<uint8_t>> bits;
  size_t elements = 0;
  for (Matrix& matrix : job.matrices) {
    keys.emplace_back(matrix.keys);
    bits.emplace_back(matrix.bits);
    elements += matrix.keys.size();
  }
  clear_lowest(keys, to_remove(fraction, elements), bits);
}

/// Which of four stay, as bits.
uint32_t kept_of_four(const Key* keys, uint32_t n) {
  const Key a = keys[0], b = keys[1], c = keys[2], d = keys[3];
  const uint32_t ab = a >= b, ac = a >= c, ad = a >= d, bc = b >= c, bd = b >= d, cd = c >= d;
  return uint32_t{3 - ab - ac - ad < n} | uint32_t{2 + ab - bc - bd < n} << 1 |
         uint32_t{1 + ac + bc - cd < n} << 2 | uint32_t{ad + bd + cd < n} << 3;
}

/// Whole groups of four that lie behind one another, from the start of a byte.
void keep_in_fours(std::span<const Key> keys, size_t n, uint8_t* bits) {
  const auto kept = static_cast<uint32_t>(n);
  size_t i = 0;
  for (; i + 8 <= keys.size(); i += 8)
    bits[i / 8] &= static_cast<uint8_t>(kept_of_four(&keys[i], kept) | kept_of_four(&keys[i + 4], kept) << 4);
  if (i < keys.size()) bits[i / 8] &= static_cast<uint8_t>(kept_of_four(&keys[i], kept) | 0xf0);
}

/// Groups of a row over `columns`, of M where the compiler shall know the size. `line` is the number of the
/// row's first bit.
template <size_t M>
void keep_in_groups(std::span<const Key> keys, std::span<const int32_t> columns, const NOfM& pattern,
                    std::span<uint8_t> bits, size_t line) {
  const size_t m = M == 0 ? pattern.m : M;
  std::vector<Key> group(m);
  std::vector<size_t> better(m);
  for (size_t first = 0; first + m <= columns.size(); first += m) {
    for (size_t i = 0; i < m; ++i) {
      group[i] = keys[columns[first + i]];
      better[i] = 0;
      for (size_t j = 0; j < i; ++j) {
        const bool stays = group[j] >= group[i];
        better[i] += stays;
        better[j] += !stays;
      }
    }
    for (size_t i = 0; i < m; ++i) {
      if (better[i] >= pattern.n) clear_bit(bits, line + static_cast<size_t>(columns[first + i]));
    }
  }
}

/// Groups run over the columns that structure has left, so that the matrix has the pattern after their
/// removal.
std::vector<int32_t> columns_of(const WeightSource& source) {
  if (source.columns) return *source.columns;
  std::vector<int32_t> all(source.stored_columns());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

void keep_n_of_m(Job& job, const NOfM& pattern) {
  for_rows(job, [&](const Score& score, const Rows& rows, Scratch& scratch) {
    const WeightSource& source = job.sources[rows.matrix];
    Matrix& matrix = job.matrices[rows.matrix];
    scratch.keys.resize(rows.count * matrix.columns);
    find_keys(job, score, rows, scratch.scores, scratch.keys);
    const size_t begin = rows.first * matrix.columns;
    if (pattern.m == 4 && matrix.columns % 4 == 0 && !source.columns)
      return keep_in_fours(scratch.keys, pattern.n, matrix.bits.data() + begin / 8);
    const std::vector<int32_t> columns = columns_of(source);
    const auto keep = pattern.m == 4   ? keep_in_groups<4>
                      : pattern.m == 8 ? keep_in_groups<8>
                                       : keep_in_groups<0>;
    for (size_t line = 0; line < scratch.keys.size(); line += matrix.columns)
      keep(std::span(scratch.keys).subspan(line, matrix.columns), columns, pattern, matrix.bits,
           begin + line);
  });
}

void decide(Job& job, const Pattern& pattern) {
  if (const auto* n_of_m = std::get_if<NOfM>(&pattern)) return keep_n_of_m(job, *n_of_m);
  const auto& [fraction, per] = std::get<Unstructured>(pattern);
  if (per == Per::row) return thin_out_rows(job, fraction);
  if (per == Per::matrix) return thin_out_matrices(job, fraction);
  thin_out_together(job, fraction);
}

}  // namespace

Selection select(const std::vector<WeightSource>& sources, const Ranking& ranking, const Pattern& pattern,
                 ThreadPool& pool, Control& control) {
  Job job{sources, ranking, pool, control, {}};
  for (const WeightSource& source : sources) job.matrices.push_back(kept_before(source));
  decide(job, pattern);

  Selection selection;
  const auto* n_of_m = std::get_if<NOfM>(&pattern);
  for (size_t i = 0; i < sources.size(); ++i) {
    std::vector<uint8_t>& bits = job.matrices[i].bits;
    selection.kept.push_back(count_bits(bits));
    selection.tails.push_back(n_of_m == nullptr ? 0 : columns_of(sources[i]).size() % n_of_m->m);
    selection.bits.push_back(std::move(bits));
  }
  return selection;
}

}  // namespace twofour::pruning

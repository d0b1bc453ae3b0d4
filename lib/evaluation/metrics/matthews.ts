import type { Margins } from './confusion.js'

/** Parts of a square, below which a difference of sums is rounding. */
const rounding = 1e-12

/**
 * Matthews's correlation for any number of labels, R_K (Gorodkin, "Comparing two K-category assignments by a
 * K-category correlation coefficient", 2004, equation 8). 0 where all predictions or all gold labels are equal.
 */
export function matthews(margins: Margins): number {
  const { right, predicted, gold } = margins
  let [total, rights, both, predictedSquares, goldSquares] = [0, 0, 0, 0, 0]
  for (let label = 0; label < gold.length; label++) {
    total += gold[label]!
    rights += right[label]!
    both += predicted[label]! * gold[label]!
    predictedSquares += predicted[label]! ** 2
    goldSquares += gold[label]! ** 2
  }
  const squared = total * total
  const [predictedSpread, goldSpread] = [squared - predictedSquares, squared - goldSquares]
  if (Math.min(predictedSpread, goldSpread) <= rounding * squared) return 0
  return (rights * total - both) / (Math.sqrt(predictedSpread) * Math.sqrt(goldSpread))
}

import { type Confusion, marginsOf } from './confusion.js'

/**
 * Matthews's correlation for any number of labels, R_K (Gorodkin, "Comparing two K-category assignments by a
 * K-category correlation coefficient", 2004, equation 8). 0 where all predictions or all gold labels are equal.
 */
export function matthews(confusion: Confusion): number {
  const { right, predicted, gold } = marginsOf(confusion)
  const total = sum(gold)
  const squared = total * total

  const together = sum(right) * total - sum(predicted.map((count, label) => count * gold[label]!))
  const predictedSpread = squared - sum(predicted.map((count) => count * count))
  const goldSpread = squared - sum(gold.map((count) => count * count))
  const spread = Math.sqrt(predictedSpread) * Math.sqrt(goldSpread)
  return spread === 0 ? 0 : together / spread
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0)
}

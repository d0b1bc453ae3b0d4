import { type Confusion, marginsOf } from './confusion.js'

/** The harmonic mean of precision and recall from counts, from 0 to 1; 0 where there is neither. */
export function f1OfCounts(right: number, predicted: number, gold: number): number {
  return predicted + gold === 0 ? 0 : (2 * right) / (predicted + gold)
}

/** The F1 of one label, by default of the second: the positive one of two. */
export function f1(confusion: Confusion, label = 1): number {
  const { right, predicted, gold } = marginsOf(confusion)
  return f1OfCounts(right[label]!, predicted[label]!, gold[label]!)
}

/** The unweighted mean F1 of the labels that occur as gold or predicted. NaN without examples. */
export function macroF1(confusion: Confusion): number {
  const { right, predicted, gold } = marginsOf(confusion)
  const each = [...right.keys()]
    .filter((label) => predicted[label]! + gold[label]! > 0)
    .map((label) => f1OfCounts(right[label]!, predicted[label]!, gold[label]!))
  return each.reduce((sum, value) => sum + value, 0) / each.length
}

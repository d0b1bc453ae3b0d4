import type { Margins } from './confusion.js'

/** The harmonic mean of precision and recall from counts, from 0 to 1; 0 where there is neither. */
export function f1OfCounts(right: number, predicted: number, gold: number): number {
  return predicted + gold === 0 ? 0 : (2 * right) / (predicted + gold)
}

/** The F1 of one label, by default of the second: the positive one of two. */
export function f1({ right, predicted, gold }: Margins, label = 1): number {
  return f1OfCounts(right[label]!, predicted[label]!, gold[label]!)
}

/** The unweighted mean F1 of the labels that occur as gold or predicted. NaN without examples. */
export function macroF1({ right, predicted, gold }: Margins): number {
  let occurring = 0
  let sum = 0
  for (let label = 0; label < right.length; label++) {
    if (predicted[label]! + gold[label]! === 0) continue
    occurring += 1
    sum += f1OfCounts(right[label]!, predicted[label]!, gold[label]!)
  }
  return sum / occurring
}

/**
 * F1 of a share J of right ones among all that are predicted or gold: with a, b and c that are right, predicted
 * wrongly and missed, J = a / (a + b + c) and F1 = 2a / (2a + b + c) = 2J / (1 + J).
 */
export function f1OfShare(share: number): number {
  return (2 * share) / (1 + share)
}

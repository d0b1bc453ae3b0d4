import { tQuantile, twoSidedT } from './distributions.js'
import type { Interval } from './interval.js'

/** Distances below it are rounding, relative to values of about 1. */
const rounding = 1e-12

/** The standard error from the values without one example each (Tukey, 1958; Efron and Tibshirani, 1993, section 11.5). */
export function jackknifeError(withoutOne: ArrayLike<number>): number {
  const n = withoutOne.length
  return Math.sqrt(((n - 1) / n) * squaresAround(withoutOne))
}

/** `value` ± t standard errors, with n − 1 degrees of freedom. */
export function jackknifeInterval(value: number, error: number, n: number, level: number): Interval {
  const reach = error === 0 ? 0 : tQuantile(level, n - 1) * error
  return [value - reach, value + reach]
}

/** How far each example pulls the value: (n − 1) times the mean of the values without one, less that without it. */
export function influencesOf(withoutOne: ArrayLike<number>): Float64Array {
  const n = withoutOne.length
  const centre = mean(withoutOne)
  return Float64Array.from({ length: n }, (_, i) => (n - 1) * (centre - withoutOne[i]!))
}

/**
 * The standard error from the examples' influences, with some examples added that pull as those do that weigh most. Where
 * few examples carry the variance, the rest of them says little about how often such examples come; where all do, some
 * more change little. 0 where no example pulls.
 */
export function cautiousError(influences: ArrayLike<number>, added: number): number {
  const n = influences.length
  let squares = 0
  let fourths = 0
  for (let i = 0; i < n; i++) {
    const square = influences[i]! ** 2
    squares += square
    fourths += square * square
  }
  if (squares <= n * rounding * rounding) return 0
  return Math.sqrt(squares / (n * (n - 1)) + (added * fourths) / squares / (n * n))
}

/** The two-sided p-value of a difference for no difference. */
export function pValueOf(difference: number, error: number, freedom: number): number {
  return error === 0 ? 1 : twoSidedT(difference / error, freedom)
}

function squaresAround(values: ArrayLike<number>): number {
  const centre = mean(values)
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i]! - centre) ** 2
  return sum
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

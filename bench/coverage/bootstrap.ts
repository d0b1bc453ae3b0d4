// The bootstrap's intervals, which twofour does not use: to compare their coverage with that of those it does.
import { normalCdf, normalQuantile } from '../../lib/evaluation/intervals/distributions.ts'
import type { Draw } from './draws.ts'

/** A number computed from a sample of examples, given as indices with repetition. */
export type Statistic = (indices: readonly number[]) => number

export type Bootstrapped = {
  readonly percentile: readonly [number, number]
  readonly bca: readonly [number, number]
  readonly acceleration: number
}

/**
 * The percentile interval and the bias-corrected and accelerated one (Efron and Tibshirani, "An introduction to
 * the bootstrap", 1993, sections 13.3 and 14.3).
 */
export function bootstrap(
  n: number,
  statistic: Statistic,
  resamples: number,
  draw: Draw,
  level = 0.95,
): Bootstrapped {
  const all = Array.from({ length: n }, (_, i) => i)
  const value = statistic(all)
  const values = Array.from({ length: resamples }, () => statistic(all.map(() => draw.whole(0, n - 1))))
    .filter((each) => !Number.isNaN(each))
    .sort((a, b) => a - b)

  const acceleration = accelerationOf(all.map((i) => statistic(all.filter((k) => k !== i))))
  const ties = values.filter((each) => Math.abs(each - value) < 1e-12).length
  const below = values.filter((each) => each < value - 1e-12).length + ties / 2
  const inside = Math.max(0.5, Math.min(values.length - 0.5, below)) / values.length
  const bias = normalQuantile(inside)
  const corrected = (share: number) => {
    const z = bias + normalQuantile(share)
    return normalCdf(bias + z / (1 - acceleration * z))
  }
  const [low, high] = [(1 - level) / 2, (1 + level) / 2]
  return {
    percentile: [quantile(values, low), quantile(values, high)],
    bca: [quantile(values, corrected(low)), quantile(values, corrected(high))],
    acceleration,
  }
}

/** From the values without one example each; 0 where they are equal. */
function accelerationOf(withoutOne: readonly number[]): number {
  const mean = withoutOne.reduce((sum, value) => sum + value, 0) / withoutOne.length
  const power = (k: number) => withoutOne.reduce((sum, value) => sum + (mean - value) ** k, 0)
  const squares = power(2)
  return squares < 1e-24 ? 0 : power(3) / (6 * squares ** 1.5)
}

function quantile(ascending: readonly number[], share: number): number {
  const at = share * (ascending.length - 1)
  const low = ascending[Math.floor(at)]!
  return low + (at - Math.floor(at)) * (ascending[Math.ceil(at)]! - low)
}

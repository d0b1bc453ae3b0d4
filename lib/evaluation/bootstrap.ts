import { checkInteger, checkKeys, checkNumber } from '../check.js'
import { seededRandom } from './random.js'

/**
 * A number computed from a sample: `indices` are the examples in it, with repetition. NaN where the number is
 * undefined for this sample. The array is reused between calls: do not keep it.
 */
export type Statistic = (indices: Uint32Array) => number

/** The low and the high end, in the statistic's unit. Both NaN where the statistic was undefined in every resample. */
export type Interval = [low: number, high: number]

export type BootstrapOptions = {
  /** How many samples are drawn. @default 1000 */
  resamples?: number | undefined
  /** Equal seeds give equal results. @default 0 */
  seed?: number | undefined
  /** The share of the resamples inside the interval. @default 0.95 */
  level?: number | undefined
}

export type PairedResult = {
  /** The first statistic minus the second, on the examples as they are. */
  difference: number
  interval: Interval
  /** Two-sided, for no difference; from 1 / (resamples + 1) to 1. */
  pValue: number
}

/**
 * The percentile interval of a statistic of `n` examples (Efron and Tibshirani, "An Introduction to the Bootstrap",
 * 1993, chapter 13). Resamples for which the statistic is undefined are left out.
 *
 * @throws TypeError or RangeError on a bad `n` or option.
 */
export function bootstrapInterval(n: number, statistic: Statistic, options?: BootstrapOptions): Interval {
  const { level, ...drawing } = checkOptions(n, options)
  return percentiles(resampled(n, statistic, drawing), level)
}

/**
 * The difference of two statistics of the same `n` examples, both recomputed on every resample. The p-value is the
 * share of resamples that lie as far from the difference as the difference lies from 0, with one added above and
 * below (Efron and Tibshirani, 1993, chapter 16; Davison and Hinkley, 1997, section 4.2).
 *
 * @throws TypeError or RangeError on a bad `n` or option.
 */
export function pairedBootstrap(
  n: number,
  first: Statistic,
  second: Statistic,
  options?: BootstrapOptions,
): PairedResult {
  const { level, ...drawing } = checkOptions(n, options)
  const minus: Statistic = (indices) => first(indices) - second(indices)

  const difference = minus(everyIndex(n))
  const draws = resampled(n, minus, drawing)
  // Sums over another order differ in their last bits; equal distances must still count as equal.
  const reach = Math.abs(difference) - 1e-12 * (1 + Math.abs(difference))
  const extreme = draws.reduce((count, draw) => count + (Math.abs(draw - difference) >= reach ? 1 : 0), 0)

  return { difference, interval: percentiles(draws, level), pValue: (extreme + 1) / (draws.length + 1) }
}

/** 0, 1, …, n − 1: the sample that is the examples themselves. */
export function everyIndex(n: number): Uint32Array {
  return Uint32Array.from({ length: n }, (_, i) => i)
}

function checkOptions(n: number, options: BootstrapOptions = {}) {
  checkInteger('n', n, 1, 2 ** 32 - 1)
  checkKeys('options', options, ['resamples', 'seed', 'level'])
  return {
    resamples: checkInteger('resamples', options.resamples ?? 1000, 1, 10_000_000),
    seed: checkInteger('seed', options.seed ?? 0),
    level: checkNumber('level', options.level ?? 0.95, 0, 1),
  }
}

/** The statistic's defined values over the resamples, ascending. */
function resampled(
  n: number,
  statistic: Statistic,
  { resamples, seed }: { resamples: number; seed: number },
) {
  const random = seededRandom(seed)
  const indices = new Uint32Array(n)
  const values = new Float64Array(resamples)
  for (let b = 0; b < resamples; b++) {
    // The bias of scaling 32 random bits is at most n / 2³², far below what a resample can show.
    for (let i = 0; i < n; i++) indices[i] = (random() / 2 ** 32) * n
    values[b] = statistic(indices)
  }
  return values.filter((value) => !Number.isNaN(value)).sort()
}

/** The two quantiles that leave `level` of the ascending values between them, interpolated linearly. */
function percentiles(ascending: Float64Array, level: number): Interval {
  return [quantile(ascending, (1 - level) / 2), quantile(ascending, (1 + level) / 2)]
}

function quantile(ascending: Float64Array, share: number): number {
  if (ascending.length === 0) return Number.NaN
  const at = share * (ascending.length - 1)
  const below = Math.floor(at)
  const low = ascending[below]!
  const high = ascending[Math.min(below + 1, ascending.length - 1)]!
  return low === high ? low : low + (at - below) * (high - low)
}

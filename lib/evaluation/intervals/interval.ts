import { checkInteger, checkKeys, checkNumber } from '../../check.js'

/** The low and the high end, in the metric's own unit. */
export type Interval = [low: number, high: number]

/** How an interval was made; docs/statistics.md has the source and the coverage of each. */
export type IntervalMethod =
  | 'clopper_pearson'
  | 'korn_graubard'
  | 'jackknife_fisher_z'
  | 'jackknife_log'
  | 'bayesian_bootstrap'
  | 'tango'
  | 'tango_clustered'
  | 'jackknife_t'
  | 'prediction_t'
  | 'whole_range'

export type MetricInterval = { interval: Interval; method: IntervalMethod }

export type IntervalOptions = {
  /** How often the interval holds the true value. @default 0.95 */
  level?: number | undefined
  /** Draws for `bayesian_bootstrap`, the one method that draws at random: Matthews's correlation, macro F1. @default 1000 */
  resamples?: number | undefined
  /** Seed of those draws: equal seeds give equal results. @default 0 */
  seed?: number | undefined
}

export type CheckedIntervalOptions = {
  readonly level: number
  readonly resamples: number
  readonly seed: number
}

/** @throws TypeError, RangeError */
export function checkIntervalOptions(options: IntervalOptions = {}): CheckedIntervalOptions {
  checkKeys('options', options, ['level', 'resamples', 'seed'])
  return {
    level: checkNumber('level', options.level ?? 0.95, 0, 1),
    resamples: checkInteger('resamples', options.resamples ?? 1000, 1, 10_000_000),
    seed: checkInteger('seed', options.seed ?? 0),
  }
}

/** All that the metric can be: the interval of what the data say nothing about. */
export function wholeRange(low: number, high: number): MetricInterval {
  return { interval: [low, high], method: 'whole_range' }
}

/** An interval that holds the value, cut to the metric's range. */
export function within([low, high]: Interval, value: number, least: number, most: number): Interval {
  return [Math.max(least, Math.min(low, value)), Math.min(most, Math.max(high, value))]
}

import { normalCdf, normalQuantile } from '../evaluation/intervals/distributions.js'
import { nearestToPerfect } from '../evaluation/metrics/spearman.js'
import type { Metric } from '../evaluation/task.js'

/** A scale for a metric; `slope`: how much the scale moves as the metric does. */
export type Scale = {
  readonly to: (value: number) => number
  readonly from: (at: number) => number
  readonly slope: (value: number) => number
}

/**
 * Two scales for a metric: its own, and one without ends, on which values near an end are spread more evenly. Values of
 * random prunings may be normal on either; what is rare has to be rare on both. Of a perplexity its log, the negative
 * log-likelihood, stands for the first.
 */
export function scalesOf(metric: Metric, n: number): readonly Scale[] {
  if (metric === 'spearman') return [linearScale(-1, 1), fisherScale(n < 3 ? 0.5 : nearestToPerfect(n))]
  if (metric === 'pseudo_perplexity') return [likelihoodScale, logLikelihoodScale]
  const whole = metric === 'f1' ? 100 : 1
  return [linearScale(0, whole), probitScale(whole, 1 / (2 * n))]
}

function linearScale(least: number, most: number): Scale {
  return {
    to: (value) => value,
    from: (at) => Math.max(least, Math.min(most, at)),
    slope: () => 1,
  }
}

/** Fisher's z; values at an end are moved in. */
function fisherScale(nearest: number): Scale {
  const inside = (value: number) => Math.max(-nearest, Math.min(nearest, value))
  return {
    to: (value) => Math.atanh(inside(value)),
    from: Math.tanh,
    slope: (value) => 1 / (1 - inside(value) ** 2),
  }
}

/** Normal quantiles of shares; values at an end are moved in by half an example. */
function probitScale(whole: number, least: number): Scale {
  const to = (value: number) => normalQuantile(Math.max(least, Math.min(1 - least, value / whole)))
  return {
    to,
    from: (at) => whole * normalCdf(at),
    slope: (value) => (Math.sqrt(2 * Math.PI) * Math.exp(to(value) ** 2 / 2)) / whole,
  }
}

const likelihoodOf = (perplexity: number) => Math.max(1e-12, Math.log(perplexity))

const likelihoodScale: Scale = {
  to: likelihoodOf,
  from: (at) => Math.exp(Math.max(0, at)),
  slope: (value) => 1 / value,
}

const logLikelihoodScale: Scale = {
  to: (value) => Math.log(likelihoodOf(value)),
  from: (at) => Math.exp(Math.exp(at)),
  slope: (value) => 1 / (value * likelihoodOf(value)),
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The standard deviation, with n − 1. NaN of one value, which has none. */
export function deviation(values: readonly number[], mean: number): number {
  if (values.length < 2) return Number.NaN
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
}

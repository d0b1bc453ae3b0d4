import { clopperPearson } from './clopper-pearson.js'
import type { ClusterSums } from './clusters.js'
import { tQuantile, zQuantile } from './distributions.js'
import { type Interval, type MetricInterval, wholeRange } from './interval.js'

/**
 * The interval of a share over clusters of units that are right or wrong: Clopper and Pearson's for the effective
 * sample size, which is the number of units by the design effect, with a correction for few clusters (Korn and
 * Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated from survey
 * data", 1998, section 2).
 *
 * The design effect is drawn towards that of clusters that are all right or all wrong, with the weight of one wrong
 * unit: a file without an error says nothing about how errors come together.
 */
export function kornGraubard(sums: ClusterSums, level: number): MetricInterval {
  const { clusters, units, mean, wholeEffect, squares } = sums
  if (units === 0) return wholeRange(0, 1)
  if (units === clusters) {
    return { interval: clopperPearson(mean * units, units, level), method: 'clopper_pearson' }
  }

  const effect = Math.max(1, (squares + wholeEffect) / (units * mean * (1 - mean) + 1))
  const size = clusters === 1 ? 1 : (units / effect) * fewClusters(clusters, level)
  return { interval: clopperPearson(mean * size, size, level), method: 'korn_graubard' }
}

/**
 * The interval of a mean of values from 0 to 1, one for each example. Their variance is at most mean · (1 − mean), that
 * of values that are 0 or 1; so the effective sample size is never below the number of examples.
 */
export function boundedMean({ units, mean, squares }: ClusterSums, level: number): MetricInterval {
  const effect = Math.min(1, (squares + 1) / (units * mean * (1 - mean) + 1))
  const size = units === 1 ? 1 : Math.max(units, (units / effect) * fewClusters(units, level))
  const interval: Interval = clopperPearson(mean * size, size, level)
  return { interval, method: 'korn_graubard' }
}

function fewClusters(clusters: number, level: number): number {
  if (level >= 1) return 1
  return (zQuantile(level) / tQuantile(level, clusters - 1)) ** 2
}

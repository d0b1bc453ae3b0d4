import type { Metric } from '../evaluation/task.js'
import type { Curves } from './curve-types.js'

type Dense = Pick<Curves['dense'], 'metric' | 'value'>

/**
 * What one point is, in the metric's own unit: 0.01 of a correlation or a share, 1 of F1's hundred, and of a
 * perplexity, which has no such scale, 1 % of the dense model's.
 */
export function pointOf({ metric, value }: Dense): number {
  const sizes: Record<Metric, number> = {
    spearman: 0.01,
    accuracy: 0.01,
    f1: 1,
    pseudo_perplexity: value / 100,
  }
  return sizes[metric]
}

/** 1 where more is better, −1 where less is. */
export function signOf(metric: Metric): 1 | -1 {
  return metric === 'pseudo_perplexity' ? -1 : 1
}

/** How many points a value lies below the dense model's, whichever way is down. */
export function pointsLost(dense: Dense, value: number): number {
  return (signOf(dense.metric) * (dense.value - value)) / pointOf(dense)
}

/** Whether 99 % is kept: of a perplexity, whether it is at most dense / 0.99. */
export function keeps99Percent({ metric, value: whole }: Dense, value: number): boolean {
  return metric === 'pseudo_perplexity' ? value <= whole / 0.99 : value >= 0.99 * whole
}

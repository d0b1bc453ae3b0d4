import type { Evaluation } from '../evaluation/evaluate.js'
import { hiddenShare } from '../evaluation/intervals/correlation.js'
import { tQuantile, twoSidedT } from '../evaluation/intervals/distributions.js'
import { exampleInfluences } from '../evaluation/intervals/influences.js'
import type { Interval } from '../evaluation/intervals/interval.js'
import { cautiousError } from '../evaluation/intervals/jackknife.js'
import type { Metric } from '../evaluation/task.js'
import type { RandomDifference } from './curve-types.js'
import { signOf } from './points.js'
import { deviation, meanOf, type Scale, scalesOf } from './spread.js'

const level = 0.95

/** What is read of an evaluation. */
export type Evaluated = Pick<Evaluation, 'metric' | 'value' | 'n' | 'outcomes'>

/**
 * A model beside the random prunings of its level: by how much it differs from their mean, and whether one more random
 * pruning could be as far from them. The interval is the model's value minus where that one would lie. On each scale of
 * `scalesOf` its standard error is the larger of two:
 *
 * - that of one more random pruning on the same examples, s √(1 + 1/S) of S seeds (a prediction interval: Hahn and
 *   Meeker, "Statistical intervals", 1991, section 4.7);
 * - that of the difference to the mean on other examples and other seeds, √(e² + s²/S) with the paired error e.
 *
 * Both with Student's t of S − 1 degrees of freedom. One seed tells no spread: no verdict.
 */
export function besideRandom(first: Evaluated, others: readonly Evaluated[]): RandomDifference {
  const { metric, value, n } = first
  const seeds = others.length
  const difference = value - meanOf(others.map((other) => other.value))
  const better = others.filter((other) => signOf(metric) * (value - other.value) > 0).length
  const known = { difference, intervalMethod: 'prediction_t', test: 'prediction_t', seeds, better } as const
  if (seeds < 2) return { ...known, interval: everyDifference(metric), pValue: 1, verdict: 'undecided' }

  const found = scalesOf(metric, n).map((scale) => onScale(scale, first, others))
  const low = Math.min(...found.map(({ interval }) => interval[0]))
  const high = Math.max(...found.map(({ interval }) => interval[1]))
  const pValue = Math.max(...found.map((each) => each.pValue))
  return { ...known, interval: [low, high], pValue, verdict: verdictOf([low, high], pValue, metric) }
}

function verdictOf([low, high]: Interval, pValue: number, metric: Metric): RandomDifference['verdict'] {
  if (pValue >= 1 - level) return 'undecided'
  return signOf(metric) * (low + high) > 0 ? 'better' : 'worse'
}

function onScale({ to, from, slope }: Scale, first: Evaluated, others: readonly Evaluated[]) {
  const seeds = others.length
  const values = others.map((other) => to(other.value))
  const mean = meanOf(values)
  const pulls = [first, ...others].map(({ value, outcomes }) => {
    const factor = slope(value)
    return exampleInfluences(outcomes.examples).map((pull) => factor * pull)
  })
  const error = errorOf(pulls, deviation(values, mean))

  const reach = tQuantile(level, seeds - 1) * error
  const interval: Interval = [first.value - from(mean + reach), first.value - from(mean - reach)]
  return { interval, pValue: twoSidedT((to(first.value) - mean) / error, seeds - 1) }
}

/** From how far each example pulls the model, first, and each random pruning; `spread`: of these. */
function errorOf([own, ...random]: readonly Float64Array[], spread: number): number {
  const seeds = random.length
  const paired = own!.map((pull, i) => pull - random.reduce((sum, other) => sum + other[i]!, 0) / seeds)
  const onOthers = Math.hypot(cautiousError(paired, 2), spread / Math.sqrt(seeds))
  const error = Math.max(spread * Math.sqrt(1 + 1 / seeds), onOthers)
  // Where nothing differs at all, a share of other examples could.
  return error > 0 ? error : hiddenShare(paired.length, level) / 2
}

/** What differences of a metric can be. */
function everyDifference(metric: Metric): Interval {
  if (metric === 'pseudo_perplexity') return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  const most = { spearman: 2, accuracy: 1, f1: 100 }[metric]
  return [-most, most]
}

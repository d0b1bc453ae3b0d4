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

  const values = others.map((other) => other.value)
  const found = predictionOf(metric, n, value, values, ({ slope }) => pairedError(first, others, slope))
  return { ...known, ...found }
}

type Prediction = Pick<RandomDifference, 'interval' | 'pValue' | 'verdict'>

/** What the values say together, with the paired error of the difference to their mean on each scale. */
export function predictionOf(
  metric: Metric,
  n: number,
  value: number,
  values: readonly number[],
  pairedErrorOn: (scale: Scale) => number,
): Prediction {
  const found = scalesOf(metric, n).map((scale) => onScale(scale, n, value, values, pairedErrorOn(scale)))
  const low = Math.min(...found.map(({ interval }) => interval[0]))
  const high = Math.max(...found.map(({ interval }) => interval[1]))
  const pValue = Math.max(...found.map((each) => each.pValue))
  return { interval: [low, high], pValue, verdict: verdictOf([low, high], pValue, metric) }
}

function verdictOf([low, high]: Interval, pValue: number, metric: Metric): RandomDifference['verdict'] {
  if (pValue >= 1 - level) return 'undecided'
  return signOf(metric) * (low + high) > 0 ? 'better' : 'worse'
}

function onScale({ to, from }: Scale, n: number, value: number, all: readonly number[], paired: number) {
  const seeds = all.length
  const values = all.map(to)
  const mean = meanOf(values)
  const spread = deviation(values, mean)
  const error = Math.max(spread * Math.sqrt(1 + 1 / seeds), Math.hypot(paired, spread / Math.sqrt(seeds)))

  // Where nothing differs at all, a share of other examples could.
  const least = error > 0 ? error : hiddenShare(n, level) / 2
  const reach = tQuantile(level, seeds - 1) * least
  const interval: Interval = [value - from(mean + reach), value - from(mean - reach)]
  return { interval, pValue: twoSidedT((to(value) - mean) / least, seeds - 1) }
}

/** The paired error of a model's difference to the mean of others, on a scale of that slope. */
function pairedError(first: Evaluated, others: readonly Evaluated[], slope: Scale['slope']): number {
  const [own, ...random] = [first, ...others].map(({ value, outcomes }) => {
    const factor = slope(value)
    return exampleInfluences(outcomes.examples).map((pull) => factor * pull)
  })
  const paired = own!.map((pull, i) => {
    return pull - random.reduce((sum, other) => sum + other[i]!, 0) / random.length
  })
  return cautiousError(paired, 2)
}

/** What differences of a metric can be. */
function everyDifference(metric: Metric): Interval {
  if (metric === 'pseudo_perplexity') return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  const most = { spearman: 2, accuracy: 1, f1: 100 }[metric]
  return [-most, most]
}

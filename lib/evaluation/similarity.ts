import { correlationInterval, fewestPairs, hiddenShare } from './intervals/correlation.js'
import { type MetricInterval, wholeRange } from './intervals/interval.js'
import { jackknifeError } from './intervals/jackknife.js'
import { pearson, pearsonWithoutOne } from './metrics/pearson.js'
import { nearestToPerfect, spearman, spearmanWithoutOne } from './metrics/spearman.js'
import { checkExamples, checkFinite } from './outcome-checks.js'
import type { Outcomes } from './task.js'

/**
 * Predicted similarities (cosines, in any unit) against human scores, one of each per pair.
 *
 * Where all predictions or all scores are equal a correlation is undefined: it counts as 0, and a note says so.
 *
 * @throws RangeError on lists of unequal or no length, or a number that is not finite.
 */
export function similarity(predicted: ArrayLike<number>, gold: ArrayLike<number>): Outcomes {
  checkExamples('predicted', predicted, 'gold', gold)
  checkFinite('predicted', predicted)
  checkFinite('gold', gold)

  const n = gold.length
  const [rank, linear] = [spearman(predicted, gold), pearson(predicted, gold)]
  const constant = Number.isNaN(rank)
  const withoutOne = spearmanWithoutOne(predicted, gold).map(definedOr0)
  return {
    task: 'similarity',
    metric: 'spearman',
    n,
    metrics: { spearman: definedOr0(rank), pearson: definedOr0(linear) },
    intervals: ({ level }) => ({
      spearman: intervalOf(rank, withoutOne, level, nearestToPerfect(n - 1)),
      pearson: intervalOf(linear, pearsonWithoutOne(predicted, gold).map(definedOr0), level),
    }),
    examples: {
      kind: 'jackknife',
      withoutOne,
      error: jackknifeError(withoutOne) || hiddenShare(n, 0.95) / 2,
      range: [-1, 1],
      fewest: fewestPairs,
    },
    notes: constant ? [constantNote(predicted)] : [],
    gold: Float64Array.from(gold),
  }
}

function intervalOf(
  value: number,
  withoutOne: Float64Array,
  level: number,
  nearest?: number,
): MetricInterval {
  return Number.isNaN(value) ? wholeRange(-1, 1) : correlationInterval(value, withoutOne, level, nearest)
}

/** Values that differ only by less than their squares can hold have ranks, but no spread. */
function definedOr0(value: number): number {
  return Number.isNaN(value) ? 0 : value
}

function constantNote(predicted: ArrayLike<number>): string {
  const same = Array.from(predicted).every((value) => value === predicted[0])
  const what = same ? 'All predicted similarities are equal' : 'All scores in the file are equal'
  return `${what}, so the correlation is undefined and counts as 0.`
}

import { pearson } from './metrics/pearson.js'
import { spearman, spearmanOfSample } from './metrics/spearman.js'
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

  const value = spearman(predicted, gold)
  const constant = Number.isNaN(value)
  return {
    task: 'similarity',
    metric: 'spearman',
    n: gold.length,
    statistic: constant ? () => 0 : spearmanOfSample(predicted, gold),
    metrics: { spearman: constant ? 0 : value, pearson: constant ? 0 : definedOr0(pearson(predicted, gold)) },
    notes: constant ? [constantNote(predicted)] : [],
    gold: Float64Array.from(gold),
  }
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

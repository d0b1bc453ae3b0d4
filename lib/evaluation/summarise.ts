import { checkInteger } from '../check.js'
import { checkIntervalOptions, type IntervalOptions } from './intervals/interval.js'
import type { Outcomes, TaskResult } from './task.js'

export type SummariseOptions = IntervalOptions & {
  /** How many examples were cut because the model takes no longer ones. @default 0 */
  truncated?: number | undefined
  /** Sentences to add to the result's notes, e.g. those of the file's reader. @default none */
  notes?: readonly string[] | undefined
}

/** With fewer examples than this a note says how little they tell. */
const fewExamples = 30

/**
 * The result of an evaluation: every metric with its interval.
 *
 * @throws TypeError or RangeError on a bad option.
 */
export function summarise(outcomes: Outcomes, options: SummariseOptions = {}): TaskResult {
  const { truncated: cut, notes: added = [], ...others } = options
  const truncated = checkInteger('truncated', cut ?? 0, 0, outcomes.n)
  const { task, metric, n, metrics } = outcomes
  const intervals = outcomes.intervals(checkIntervalOptions(others))
  const notes = [...added, ...outcomes.notes, ...fewNote(n)]

  const { interval, method } = intervals[metric]!
  return {
    ...{ task, metric, value: metrics[metric]!, interval, intervalMethod: method, n, metrics, intervals },
    ...(notes.length > 0 ? { notes } : {}),
    ...(truncated > 0 ? { truncated } : {}),
  }
}

function fewNote(n: number): string[] {
  if (n >= fewExamples) return []
  return [
    `Only ${n} ${n === 1 ? 'example' : 'examples'}: intervals are wide, and those that are not exact may hold the true value less often than they say.`,
  ]
}

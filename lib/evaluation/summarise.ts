import { checkInteger } from '../check.js'
import { type BootstrapOptions, bootstrapInterval } from './bootstrap.js'
import type { Outcomes, TaskResult } from './task.js'

export type SummariseOptions = BootstrapOptions & {
  /** How many examples were cut because the model takes no longer ones. @default 0 */
  truncated?: number | undefined
  /** Sentences to add to the result's notes, e.g. those of the file's reader. @default none */
  notes?: readonly string[] | undefined
}

/** Fewer examples than this make the percentile interval too narrow to be trusted, and a note says so. */
const fewExamples = 30

/**
 * The result of an evaluation: the metric with its bootstrap interval.
 *
 * @throws TypeError or RangeError on a bad option.
 */
export function summarise(outcomes: Outcomes, options: SummariseOptions = {}): TaskResult {
  const { truncated: cut, notes: added = [], ...bootstrap } = options
  const truncated = checkInteger('truncated', cut ?? 0, 0, outcomes.n)
  const interval = bootstrapInterval(outcomes.n, outcomes.statistic, bootstrap)
  const notes = [...added, ...outcomes.notes, ...fewNote(outcomes.n)]

  return {
    task: outcomes.task,
    metric: outcomes.metric,
    value: outcomes.metrics[outcomes.metric]!,
    interval,
    n: outcomes.n,
    metrics: outcomes.metrics,
    ...(notes.length > 0 ? { notes } : {}),
    ...(truncated > 0 ? { truncated } : {}),
  }
}

function fewNote(n: number): string[] {
  if (n >= fewExamples) return []
  return [`Only ${n} ${n === 1 ? 'example' : 'examples'}: the interval is likely to be too narrow.`]
}

import { isDeepStrictEqual } from 'node:util'
import { describe, expected } from '../check.js'
import { TwofourError } from '../errors.js'
import { checkIntervalOptions, type IntervalOptions } from './intervals/interval.js'
import { jackknifeDifference, unitDifference } from './intervals/paired.js'
import type { Comparison, Outcomes } from './task.js'

/**
 * The first model against the second on the same examples: the difference of their first metric with its interval and
 * p-value. docs/statistics.md says which for which metric; no comparison draws at random.
 *
 * @throws RangeError on outcomes of different tasks or examples, or a bad option; TwofourError TASK_UNSUPPORTED
 * where two language models cut the texts into different tokens, so that their perplexities have no common unit.
 */
export function compare(first: Outcomes, second: Outcomes, options?: IntervalOptions): Comparison {
  const { level } = checkIntervalOptions(options)
  checkSameExamples(first, second)

  const { task, metric, n } = first
  const difference = first.metrics[metric]! - second.metrics[metric]!
  const [a, b] = [first.examples, second.examples]
  if (a.kind === 'units' && b.kind === 'units') {
    return { task, metric, difference, ...unitDifference(a, b, level), n }
  }
  if (a.kind === 'jackknife' && b.kind === 'jackknife') {
    return { task, metric, difference, ...jackknifeDifference(difference, a, b, level), n }
  }
  throw new TwofourError('INTERNAL', `Outcomes of the task '${task}' are of two kinds.`, { task })
}

function checkSameExamples(first: Outcomes, second: Outcomes): void {
  if (first.task !== second.task) {
    throw new RangeError(expected('second.task', `'${first.task}', as the first`, second.task))
  }
  if (first.n !== second.n) throw new RangeError(expected('second.n', `${first.n}, as the first`, second.n))

  for (let i = 0; i < first.n; i++) {
    const [one, other] = [first.gold[i], second.gold[i]]
    if (isDeepStrictEqual(one, other)) continue
    if (first.task === 'masked-lm') throw differentTokens(i, one, other)
    throw new RangeError(expected(`second.gold[${i}]`, `${describe(one)}, as the first`, other))
  }
}

function differentTokens(text: number, first: unknown, second: unknown): TwofourError {
  const sentence =
    'Expected both models to cut every text into the same tokens, since a perplexity per token compares only then; ' +
    `got ${describe(first)} and ${describe(second)} tokens for text ${text} (from 0). Compare models that share a vocabulary and a greatest length.`
  return new TwofourError('TASK_UNSUPPORTED', sentence, { text, first, second })
}

import { isDeepStrictEqual } from 'node:util'
import { describe, expected } from '../check.js'
import { TwofourError } from '../errors.js'
import { type BootstrapOptions, pairedBootstrap } from './bootstrap.js'
import { mcnemar } from './mcnemar.js'
import type { Comparison, Outcomes } from './task.js'

/**
 * The first model against the second on the same examples: the difference of their metric, its paired bootstrap
 * interval, and a p-value (McNemar's where an example is right or wrong, else the paired bootstrap's).
 *
 * @throws RangeError on outcomes of different tasks or examples, or a bad option; TwofourError TASK_UNSUPPORTED
 * where two language models cut the texts into different tokens, so that their perplexities have no common unit.
 */
export function compare(first: Outcomes, second: Outcomes, options?: BootstrapOptions): Comparison {
  checkSameExamples(first, second)

  const { task, metric, n } = first
  const { difference, interval, pValue } = pairedBootstrap(n, first.statistic, second.statistic, options)
  if (first.right === undefined || second.right === undefined) {
    return { task, metric, difference, interval, pValue, test: 'paired_bootstrap', n }
  }
  return {
    task,
    metric,
    difference,
    interval,
    pValue: mcnemarOf(first.right, second.right),
    test: 'mcnemar',
    n,
  }
}

function mcnemarOf(first: Uint8Array, second: Uint8Array): number {
  let onlyFirst = 0
  let onlySecond = 0
  for (const [i, right] of first.entries()) {
    if (right > second[i]!) onlyFirst += 1
    if (right < second[i]!) onlySecond += 1
  }
  return mcnemar(onlyFirst, onlySecond)
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

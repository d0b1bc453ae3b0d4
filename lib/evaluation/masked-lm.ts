import { expected } from '../check.js'
import {
  negativeLogLikelihood,
  pseudoPerplexity,
  pseudoPerplexityOfSample,
} from './metrics/pseudo-perplexity.js'
import { checkExamples, checkFinite, checkWhole } from './outcome-checks.js'
import type { Outcomes } from './task.js'

/**
 * Per text the sum of the negative log-likelihoods of its masked tokens, in nats, and how many were masked. Lower is
 * better. The metrics also hold `negative_log_likelihood`, the mean per token in nats.
 *
 * @throws TypeError or RangeError on lists of unequal or no length, a sum that is not finite, or no token at all.
 */
export function maskedLm(sums: ArrayLike<number>, tokens: ArrayLike<number>): Outcomes {
  checkExamples('sums', sums, 'tokens', tokens)
  checkFinite('sums', sums)
  checkWhole('tokens', tokens)
  if (Array.from(tokens).every((count) => count === 0)) {
    throw new RangeError(expected('tokens', 'at least 1 in some text', tokens))
  }

  return {
    task: 'masked-lm',
    metric: 'pseudo_perplexity',
    n: tokens.length,
    statistic: pseudoPerplexityOfSample(sums, tokens),
    metrics: {
      pseudo_perplexity: pseudoPerplexity(sums, tokens),
      negative_log_likelihood: negativeLogLikelihood(sums, tokens),
    },
    notes: [],
    gold: Array.from(tokens),
  }
}

import { expected } from '../check.js'
import { type Interval, type MetricInterval, wholeRange, within } from './intervals/interval.js'
import { cautiousError, influencesOf, jackknifeInterval } from './intervals/jackknife.js'
import { likelihoodWithoutOne, negativeLogLikelihood, pseudoPerplexity } from './metrics/pseudo-perplexity.js'
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

  const value = pseudoPerplexity(sums, tokens)
  const likelihood = negativeLogLikelihood(sums, tokens)
  const withoutOne = likelihoodWithoutOne(sums, tokens)
  const error = likelihoodError(likelihood, withoutOne)
  return {
    task: 'masked-lm',
    metric: 'pseudo_perplexity',
    n: tokens.length,
    metrics: { pseudo_perplexity: value, negative_log_likelihood: likelihood },
    intervals: ({ level }) => {
      const { interval, method } = likelihoodInterval(likelihood, withoutOne, error, level)
      const [low, high] = interval
      return {
        pseudo_perplexity: { interval: [Math.exp(low), Math.exp(high)], method },
        negative_log_likelihood: { interval, method },
      }
    },
    examples: {
      kind: 'jackknife',
      withoutOne: withoutOne.map(Math.exp),
      error: value * error,
      range: [1, Number.POSITIVE_INFINITY],
      fewest: 2,
    },
    notes: [],
    gold: Array.from(tokens),
  }
}

/** The jackknife's with one text more; where all texts are equally likely, that text is twice as unlikely. */
function likelihoodError(likelihood: number, withoutOne: Float64Array): number {
  const error = cautiousError(influencesOf(withoutOne), 1)
  return error > 1e-12 * likelihood ? error : likelihood / withoutOne.length
}

/** The interval of the mean on a log scale: it is above 0, and skewed. */
function likelihoodInterval(
  likelihood: number,
  withoutOne: Float64Array,
  error: number,
  level: number,
): MetricInterval {
  if (withoutOne.length < 2 || likelihood <= 0) return wholeRange(0, Number.POSITIVE_INFINITY)
  const [low, high] = jackknifeInterval(Math.log(likelihood), error / likelihood, withoutOne.length, level)
  const interval: Interval = [Math.exp(low), Math.exp(high)]
  return {
    interval: within(interval, likelihood, 0, Number.POSITIVE_INFINITY),
    method: 'jackknife_log',
  }
}

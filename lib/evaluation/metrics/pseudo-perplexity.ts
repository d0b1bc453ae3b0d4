import type { Statistic } from '../bootstrap.js'

/** The mean negative log-likelihood per token, in nats, from one sum and one token count per text. */
export function negativeLogLikelihood(sums: ArrayLike<number>, tokens: ArrayLike<number>): number {
  return total(sums) / total(tokens)
}

/**
 * The pseudo-perplexity of a corpus (Salazar et al., "Masked Language Model Scoring", 2020, section 2.3): e to the
 * mean negative log-likelihood per token. From 1 (certain and right); the vocabulary's size for a uniform guess.
 */
export function pseudoPerplexity(sums: ArrayLike<number>, tokens: ArrayLike<number>): number {
  return Math.exp(negativeLogLikelihood(sums, tokens))
}

/** The pseudo-perplexity as a statistic of texts. Undefined for a sample without tokens. */
export function pseudoPerplexityOfSample(sums: ArrayLike<number>, tokens: ArrayLike<number>): Statistic {
  return (indices) => {
    let sum = 0
    let count = 0
    for (const i of indices) {
      sum += sums[i]!
      count += tokens[i]!
    }
    return Math.exp(sum / count)
  }
}

function total(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum
}

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

/** The mean negative log-likelihood without one text each, of the texts that have tokens. */
export function likelihoodWithoutOne(sums: ArrayLike<number>, tokens: ArrayLike<number>): Float64Array {
  const [sum, count] = [total(sums), total(tokens)]
  const texts = Array.from(tokens, (_, i) => i).filter((i) => tokens[i]! > 0)
  // One text alone leaves none.
  return Float64Array.from(texts, (i) =>
    texts.length === 1 ? Number.NaN : (sum - sums[i]!) / (count - tokens[i]!),
  )
}

function total(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum
}

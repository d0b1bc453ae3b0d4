/** The indices of the `k` highest scores; of equal ones the lower index, which is the one that pruning keeps. */
export function topIndices(scores: ArrayLike<number>, k: number): number[] {
  return Array.from(scores, (score, index) => ({ score, index }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, k)
    .map(({ index }) => index)
}

/** Members of both sets over members of either; 1 of two empty ones. */
export function jaccard<T>(first: Iterable<T>, second: Iterable<T>): number {
  const [a, b] = [new Set(first), new Set(second)]
  const both = [...a].filter((member) => b.has(member)).length
  const either = a.size + b.size - both
  return either === 0 ? 1 : both / either
}

/**
 * What `jaccard` comes to on average for two sets of `k` that are drawn at random from `n`: the mean over the
 * hypergeometric distribution of their common members.
 */
export function jaccardByChance(n: number, k: number): number {
  if (k === 0) return 1
  const fewest = Math.max(0, 2 * k - n)
  let weight = 1
  let total = 0
  let sum = 0
  for (let both = fewest; both <= k; both++) {
    total += weight
    sum += (weight * both) / (2 * k - both)
    // C(k, x) C(n − k, k − x) from one x to the next.
    weight *= ((k - both) / (both + 1)) * ((k - both) / (n - 2 * k + both + 1))
  }
  return sum / total
}

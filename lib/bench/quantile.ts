/** A quantile of some numbers, linear between its neighbours. @param share 0 for the lowest, 1 for the highest */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const place = share * (sorted.length - 1)
  const below = sorted[Math.floor(place)]!
  const above = sorted[Math.ceil(place)]!
  return below + (above - below) * (place - Math.floor(place))
}

/**
 * An interval that holds the median of what the numbers were drawn from with at least 95 %, whatever its shape:
 * from the k-th lowest to the k-th highest (the sign test's). Of fewer than 6 numbers it is all of them, and holds
 * the median with 1 − 2^(1 − n) only.
 */
export function medianInterval(numbers: readonly number[]): [low: number, high: number] {
  const sorted = [...numbers].sort((a, b) => a - b)
  const n = sorted.length
  // The chance that at most `cut` of n lie below the median.
  let below = 2 ** -n
  let cut = 0
  for (let term = below; ; cut++) {
    term *= (n - cut) / (cut + 1)
    if (below + term > 0.025) break
    below += term
  }
  const at = below <= 0.025 ? cut : 0
  return [sorted[at]!, sorted[n - 1 - at]!]
}

/** exp of the mean of logarithms: the mean of ratios that treats × 2 and × ½ alike. */
export function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, x) => sum + Math.log(x), 0) / numbers.length)
}

import { betaQuantile } from './distributions.js'
import type { Interval } from './interval.js'

/**
 * The exact interval of a proportion with `right` of `n` (Clopper and Pearson, "The use of confidence or fiducial
 * limits illustrated in the case of the binomial", 1934, in the form with beta quantiles). It holds the true share at
 * least as often as `level` says, whatever that share is. Both numbers may be fractions of an effective sample size.
 */
export function clopperPearson(right: number, n: number, level: number): Interval {
  const tail = (1 - level) / 2
  return [
    right <= 0 ? 0 : betaQuantile(tail, right, n - right + 1),
    right >= n ? 1 : betaQuantile(1 - tail, right + 1, n - right),
  ]
}

import { bisect } from './distributions.js'
import type { Interval } from './interval.js'

/**
 * The score interval of the difference of two paired proportions (Tango, "Equivalence test and confidence interval for
 * the difference in proportions for the paired-sample design", 1998, section 3): of `n` pairs `first` are right in the
 * first only and `second` in the second only. It leaves out 0 exactly where McNemar's score test, without continuity
 * correction, goes beyond `z`.
 */
export function tango(first: number, second: number, n: number, z: number): Interval {
  if (z === Number.POSITIVE_INFINITY) return [-1, 1]
  const difference = (first - second) / n
  const score = (delta: number) => scoreOf(first, second, n, delta)
  return [
    bisect((delta) => score(delta) > z, -1, difference),
    bisect((delta) => score(delta) > -z, difference, 1),
  ]
}

/** Falls from above 0 to below 0 as `delta` passes the observed difference. */
function scoreOf(first: number, second: number, n: number, delta: number): number {
  const distance = first - second - n * delta
  // The likeliest share of pairs that only the second gets right, if the difference is `delta`.
  const half = -first - second + (2 * n - first + second) * delta
  const root = Math.sqrt(Math.max(0, half * half + 8 * n * second * delta * (1 - delta)))
  const share = Math.max(0, (root - half) / (4 * n))
  const variance = n * (2 * share + delta * (1 - delta))
  if (variance > 0) return distance / Math.sqrt(variance)
  return distance === 0 ? 0 : Math.sign(distance) * Number.POSITIVE_INFINITY
}

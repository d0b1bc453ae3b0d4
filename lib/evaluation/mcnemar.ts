import { checkInteger } from '../check.js'
import { logGamma } from './intervals/distributions.js'

/**
 * McNemar's mid-p test that two classifiers are right equally often: the two-sided p-value of the examples that only
 * the first (`onlyFirst`) and only the second (`onlySecond`) got right, each a fair coin's toss, with half of the
 * chance of the very counts observed (Fagerland, Lydersen and Laake, "The McNemar test for binary matched-pairs data:
 * mid-p and asymptotic are better than exact conditional", 2013). 1 without any such example.
 *
 * @throws TypeError or RangeError when a count is not a whole number from 0.
 */
export function mcnemarMidP(onlyFirst: number, onlySecond: number): number {
  checkInteger('onlyFirst', onlyFirst, 0, 2 ** 40)
  checkInteger('onlySecond', onlySecond, 0, 2 ** 40)
  if (onlyFirst === onlySecond) return 1
  return midTail(Math.min(onlyFirst, onlySecond), onlyFirst + onlySecond)
}

/** 2 P(X < most) + P(X = most) for X the heads in `tosses` of a fair coin. */
function midTail(most: number, tosses: number): number {
  const logTop = logGamma(tosses + 1) - logGamma(most + 1) - logGamma(tosses - most + 1) - tosses * Math.LN2

  // The terms below the top one shrink ever faster, so the sum stops where they no longer count.
  let share = most / (tosses - most + 1)
  let sum = 1
  for (let heads = most - 1; heads >= 0 && share > sum * 1e-17; heads--) {
    sum += 2 * share
    share *= heads / (tosses - heads + 1)
  }
  return Math.exp(logTop + Math.log(sum))
}

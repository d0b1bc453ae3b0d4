import { checkInteger } from '../check.js'

/**
 * McNemar's exact test that two classifiers are right equally often: the two-sided p-value of the examples that
 * only the first (`onlyFirst`) and only the second (`onlySecond`) got right, each a fair coin's toss. 1 without any.
 *
 * @throws TypeError or RangeError when a count is not a whole number from 0.
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
  checkInteger('onlyFirst', onlyFirst, 0, 2 ** 40)
  checkInteger('onlySecond', onlySecond, 0, 2 ** 40)
  return Math.min(1, 2 * lowerTail(Math.min(onlyFirst, onlySecond), onlyFirst + onlySecond))
}

/** P(X ≤ most) for X the heads in `tosses` of a fair coin. */
function lowerTail(most: number, tosses: number): number {
  const logTop = logFactorial(tosses) - logFactorial(most) - logFactorial(tosses - most) - tosses * Math.LN2

  // The terms below the top one shrink ever faster, so the sum stops where they no longer count.
  let share = 1
  let sum = 0
  for (let heads = most; heads >= 0 && share > sum * 1e-17; heads--) {
    sum += share
    share *= heads / (tosses - heads + 1)
  }
  return Math.exp(logTop + Math.log(sum))
}

/** ln n!, by the product for small n and by Stirling's series (relative error below 1e-15) from 20. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1
    for (let i = 2; i <= n; i++) product *= i
    return Math.log(product)
  }
  const squared = n * n
  const series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * squared)) / squared) / squared) / n
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + series
}

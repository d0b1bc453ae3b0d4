/** The natural logarithm of the gamma function for x > 0: Stirling's series (relative error below 1e-15) from 15. */
export function logGamma(x: number): number {
  let shift = 0
  let at = x
  for (; at < 15; at++) shift += Math.log(at)
  const squared = at * at
  const series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * squared)) / squared) / squared) / at
  return (at - 0.5) * Math.log(at) - at + Math.log(2 * Math.PI) / 2 + series - shift
}

/** The share of a Beta(a, b) variable below x: the regularised incomplete beta function, for a, b > 0. */
export function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The continued fraction converges fast below the mean.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCdf(1 - x, b, a)
  const front = a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)
  return (Math.exp(front) / a) * betaFraction(x, a, b)
}

/** The quantile of a Beta(a, b) variable, by bisection. */
export function betaQuantile(share: number, a: number, b: number): number {
  return bisect((x) => betaCdf(x, a, b) < share, 0, 1)
}

/** The quantile of the standard normal distribution, for shares inside 0 and 1. */
export function normalQuantile(share: number): number {
  return bisect((x) => normalCdf(x) < share, -9, 9)
}

/** The share of Student's t with so many degrees of freedom that lies as far from 0 as `t`, or farther. */
export function twoSidedT(t: number, freedom: number): number {
  if (Number.isNaN(t)) return 1
  return betaCdf(freedom / (freedom + t * t), freedom / 2, 0.5)
}

/** The t that leaves `level` of Student's distribution between itself and its negative. */
export function tQuantile(level: number, freedom: number): number {
  if (level >= 1) return Number.POSITIVE_INFINITY
  // x = ν / (ν + t²) is Beta(ν/2, 1/2).
  const x = betaQuantile(1 - level, freedom / 2, 0.5)
  return Math.sqrt((freedom * (1 - x)) / x)
}

/** The z that leaves `level` of the standard normal distribution between itself and its negative. */
export function zQuantile(level: number): number {
  return level >= 1 ? Number.POSITIVE_INFINITY : normalQuantile((1 + level) / 2)
}

/** The place between `low` and `high` up to which `below` holds, to the last bit. */
export function bisect(below: (x: number) => boolean, low: number, high: number): number {
  let [left, right] = [low, high]
  for (let step = 0; step < 200; step++) {
    const middle = (left + right) / 2
    if (middle <= left || middle >= right) break
    if (below(middle)) left = middle
    else right = middle
  }
  return (left + right) / 2
}

/** The standard normal distribution, by the series of Marsaglia ("Evaluating the normal distribution", 2004, section 2). */
export function normalCdf(x: number): number {
  if (Math.abs(x) > 9) return x > 0 ? 1 : 0
  let sum = x
  let term = x
  for (let k = 3; sum + term !== sum; k += 2) {
    term *= (x * x) / k
    sum += term
  }
  return Math.min(1, Math.max(0, 0.5 + sum * Math.exp((-x * x) / 2) * (1 / Math.sqrt(2 * Math.PI))))
}

/** Lentz's evaluation of the continued fraction of the incomplete beta function (DLMF 8.17.22). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300
  const away = (value: number) => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let result = d
  for (let m = 1; m < 100_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / away(1 + even * d)
    c = away(1 + even / c)
    result *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / away(1 + odd * d)
    c = away(1 + odd / c)
    result *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return result
}

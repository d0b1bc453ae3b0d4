import { type MetricInterval, wholeRange, within } from './interval.js'
import { jackknifeError, jackknifeInterval } from './jackknife.js'

/** Of fewer pairs perfect order is no rarity: one of 24 orders of four, each way. */
export const fewestPairs = 5

/** Rounding of a correlation. */
const rounding = 1e-12

/**
 * The interval of a correlation on Fisher's scale, atanh, with the jackknife's standard error there (Hinkley,
 * "Improving the jackknife with special reference to correlation estimation", 1978): unlike Fisher's own, 1 / √(n − 3),
 * it does not suppose normal pairs.
 *
 * @param withoutOne the correlations without one pair each
 * @param nearest the size beyond which one of them counts as perfect, where atanh has no value
 */
export function correlationInterval(
  value: number,
  withoutOne: ArrayLike<number>,
  level: number,
  nearest = 1 - rounding,
): MetricInterval {
  const n = withoutOne.length
  if (n < fewestPairs) return wholeRange(-1, 1)

  const zs = Float64Array.from(withoutOne, (one) => Math.atanh(Math.max(-nearest, Math.min(nearest, one))))
  const error = jackknifeError(zs)
  const perfect = Math.abs(value) > 1 - rounding
  if (perfect || error < rounding) return unvaried(value, n, level)
  const [low, high] = jackknifeInterval(Math.atanh(value), error, n, level)
  return {
    interval: within([Math.tanh(low), Math.tanh(high)], value, -1, 1),
    method: 'jackknife_fisher_z',
  }
}

/**
 * The largest share of examples that a sample of `n` can lack altogether, with half of the chance that `level` leaves:
 * 1 − q with qⁿ = (1 − level) / 2, as Clopper and Pearson have it for n of n.
 */
export function hiddenShare(n: number, level: number): number {
  return 1 - ((1 - level) / 2) ** (1 / n)
}

/** Where no pair pulls: a hidden share may be in any order, which moves the correlation by as much at most. */
function unvaried(value: number, n: number, level: number): MetricInterval {
  const hidden = hiddenShare(n, level)
  return {
    interval: within([value - hidden, value + hidden], value, -1, 1),
    method: 'jackknife_fisher_z',
  }
}

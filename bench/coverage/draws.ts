// Random data whose true metric is known, for simulations of coverage.
import { seededRandom } from '../../lib/evaluation/random.ts'

/** Draws from one seed. */
export type Draw = {
  /** Inside 0 and 1. */
  readonly uniform: () => number
  readonly normal: () => number
  /** A whole number from `low` to `high`. */
  readonly whole: (low: number, high: number) => number
  readonly chance: (share: number) => boolean
  /** For a whole or fractional shape above 0. */
  readonly gamma: (shape: number) => number
  readonly beta: (a: number, b: number) => number
}

export function drawFrom(seed: number): Draw {
  const random = seededRandom(seed)
  const uniform = () => (random() + 0.5) / 2 ** 32
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
  const gamma = (shape: number): number => {
    if (shape < 1) return gamma(shape + 1) * uniform() ** (1 / shape)
    const d = shape - 1 / 3
    for (;;) {
      const x = normal()
      const v = (1 + x / Math.sqrt(9 * d)) ** 3
      if (v > 0 && Math.log(uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
    }
  }
  const beta = (a: number, b: number) => {
    const x = gamma(a)
    return x / (x + gamma(b))
  }
  return {
    ...{ uniform, normal, gamma, beta },
    whole: (low, high) => low + Math.floor(uniform() * (high - low + 1)),
    chance: (share) => uniform() < share,
  }
}

export function times<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at))
}

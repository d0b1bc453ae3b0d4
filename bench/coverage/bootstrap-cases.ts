// Where the bootstrap's intervals fall short: examples, a statistic of a sample of them, and its true value.
import { spearman } from '../../lib/evaluation/metrics/spearman.ts'
import { bootstrap, type Statistic } from './bootstrap.ts'
import { type Draw, drawFrom, times } from './draws.ts'

export type BootstrapCase = {
  readonly title: string
  readonly truth: number
  readonly statistic: (draw: Draw, n: number) => Statistic
}

function accuracyCase(truth: number): BootstrapCase {
  return {
    ...{ title: `accuracy, right ${truth}`, truth },
    statistic: (draw, n) => {
      const right = times(n, () => Number(draw.chance(truth)))
      return (indices) => indices.reduce((sum, i) => sum + right[i]!, 0) / indices.length
    },
  }
}

/** Spearman's correlation, or the difference of that of two models that see the same with little noise of their own. */
function pairsCase(correlation: number, noise: readonly number[]): BootstrapCase {
  const truthOf = (own: number) => (6 / Math.PI) * Math.asin(correlation / Math.sqrt(1 + own * own) / 2)
  const alone = noise.length === 1
  return {
    title: alone
      ? `spearman, normal pairs of correlation ${correlation}`
      : `difference of spearman, correlation ${correlation}, noise ${noise.join(' and ')}`,
    truth: truthOf(noise[0]!) - (alone ? 0 : truthOf(noise[1]!)),
    statistic: (draw, n) => {
      const gold = times(n, () => draw.normal())
      const seen = gold.map((x) => correlation * x + Math.sqrt(1 - correlation ** 2) * draw.normal())
      const models = noise.map((own) => seen.map((x) => x + own * draw.normal()))
      return (indices) => {
        const scores = indices.map((i) => gold[i]!)
        const [first, second = 0] = models.map((model) =>
          spearman(
            indices.map((i) => model[i]!),
            scores,
          ),
        )
        return first! - second
      }
    },
  }
}

export const bootstrapCases: readonly BootstrapCase[] = [
  accuracyCase(0.9),
  accuracyCase(0.99),
  pairsCase(0.5, [0]),
  pairsCase(0.98, [0]),
  pairsCase(0.8, [0.1, 0.5]),
  pairsCase(0.95, [0.02, 0.1]),
]

/** How often the percentile and the BCa interval hold the truth. */
export function bootstrapCoverageOf(one: BootstrapCase, n: number, runs: number, seed: number) {
  const draw = drawFrom(seed)
  let [percentile, bca] = [0, 0]
  for (let run = 0; run < runs; run++) {
    const found = bootstrap(n, one.statistic(draw, n), 500, draw)
    if (holds(found.percentile, one.truth)) percentile += 1
    if (holds(found.bca, one.truth)) bca += 1
  }
  return { percentile: percentile / runs, bca: bca / runs }
}

function holds([low, high]: readonly [number, number], truth: number): boolean {
  return low <= truth + 1e-9 && truth - 1e-9 <= high
}

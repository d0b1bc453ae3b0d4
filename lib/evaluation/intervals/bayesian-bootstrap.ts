import { addTo, type Confusion, emptyMargins, type Margins } from '../metrics/confusion.js'
import { seededRandom } from '../random.js'
import { type CheckedIntervalOptions, type Interval, within } from './interval.js'

type Options = {
  readonly value: number
  readonly statistic: (margins: Margins) => number
  /** Examples that are added against each end: one of any label, or one of each label that occurs. */
  readonly added: 'one' | 'each label'
  readonly range: Interval
}

/**
 * The interval of a number that is computed from a confusion matrix: its quantiles over matrices whose shares are drawn
 * as the Bayesian bootstrap draws them (Rubin, "The Bayesian bootstrap", 1981), for the low end with examples added
 * that are wrong, for the high end with examples that are right. For the share of right examples and one example that
 * is Clopper and Pearson's interval; like it, it has a width where no example is wrong.
 */
export function bayesianBootstrap(
  confusion: Confusion,
  { value, statistic, added, range }: Options,
  { level, resamples, seed }: CheckedIntervalOptions,
): Interval {
  const random = uniform(seededRandom(seed))
  const labels = occurringLabels(confusion)
  const draws = (right: boolean) => {
    const values = new Float64Array(resamples)
    for (let b = 0; b < resamples; b++) {
      const margins = emptyMargins(confusion.labels)
      for (const { gold, predicted, count } of confusion.cells) {
        addTo(margins, gold, predicted, gamma(count, random))
      }
      for (const label of added === 'one' ? [pick(labels.each, random)] : labels.once) {
        const [gold, predicted] = right
          ? [label, label]
          : wrongPair(label, labels.once, confusion.labels, random)
        addTo(margins, gold, predicted, gamma(1, random))
      }
      values[b] = statistic(margins)
    }
    return values.sort()
  }

  const tail = (1 - level) / 2
  return within([quantile(draws(false), tail), quantile(draws(true), 1 - tail)], value, ...range)
}

/** Labels that occur: `once`, and `each` as often as they are gold or predicted. */
function occurringLabels({ cells }: Confusion): { once: number[]; each: number[] } {
  const each = cells.flatMap(({ gold, predicted, count }) =>
    Array.from({ length: 2 * count }, (_, k) => (k % 2 === 0 ? gold : predicted)),
  )
  return { once: [...new Set(each)].sort((a, b) => a - b), each }
}

/** The label and another one, which occurs if there is such a one, in either order. */
function wrongPair(
  label: number,
  occurring: readonly number[],
  labels: number,
  random: () => number,
): [number, number] {
  const alone = occurring.length === 1
  const at = Math.floor(random() * ((alone ? labels : occurring.length) - 1))
  const last = alone ? labels - 1 : occurring.at(-1)!
  const found = alone ? at : occurring[at]!
  // The last one stands in for the label itself.
  const other = found === label ? last : found
  return random() < 0.5 ? [label, other] : [other, label]
}

function pick(list: readonly number[], random: () => number): number {
  return list[Math.floor(random() * list.length)]!
}

/** Numbers inside 0 and 1. */
function uniform(random: () => number): () => number {
  return () => (random() + 0.5) / 2 ** 32
}

/** A gamma variable of a shape from 1 (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000). */
function gamma(shape: number, random: () => number): number {
  if (shape === 1) return -Math.log(random())
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(random)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}

/** Box and Muller (1958). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())
}

/** Interpolated linearly between neighbours. */
function quantile(ascending: Float64Array, share: number): number {
  const at = share * (ascending.length - 1)
  const below = Math.floor(at)
  const low = ascending[below]!
  return low + (at - below) * (ascending[Math.min(below + 1, ascending.length - 1)]! - low)
}

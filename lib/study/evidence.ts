import { twoSidedT } from '../evaluation/intervals/distributions.js'
import type { CurvePoint, Curves, Difference, Level, Verdict } from './curve-types.js'
import { pointsLost, signOf } from './points.js'
import { isReversed, reversed } from './series.js'
import { deviation, meanOf, scalesOf } from './spread.js'
import { groupedBy } from './summary.js'

/** What random pruning has to cost, and how sure it has to be that the reversed order is worse. */
const leastCost = 5
const greatestP = 0.05

type Measured = Pick<Curves, 'dense' | 'points'>

/** A level before it is judged: with its own p-value, where there is one. */
type Tested = Omit<Verdict, 'evidence' | 'pValue' | 'why'> & {
  readonly share: number
  readonly seeds: number
  readonly single: number | null
}

/**
 * What counts as evidence for an order: a level at which pruning at random costs at least 5 points (so that there is
 * something to lose) and the reversed order is worse than the order itself, p < 0.05, both on other examples (the paired
 * test) and beyond what two random prunings differ by (their spread, with t). The larger of both p-values counts, and
 * those of a method's levels are corrected together (Holm, "A simple sequentially rejective multiple test procedure",
 * 1979): of a random order some level counts in at most one of twenty studies. At all others a model that stays good
 * shows that the level is easy, not that the order is right: a smoke test.
 * @returns a verdict for every level of every method but the controls
 */
export function judge(measured: Measured): Verdict[] {
  const levels = measured.points.filter(isJudged).map((point) => levelOf(measured, point))
  const corrected = new Map<Tested, number>()
  for (const family of groupedBy(levels, ({ unit, method }) => JSON.stringify([unit, method]))) {
    const tested = family.filter(({ single }) => single !== null)
    const ps = holm(tested.map(({ single }) => single!))
    for (const [at, each] of tested.entries()) corrected.set(each, ps[at]!)
  }
  return levels.map((each) => verdictOf(measured.dense, each, corrected.get(each) ?? null))
}

/** p-values so that all of them together hold: the k-th lowest of m times m − k + 1, and never below a lower one. */
export function holm(ps: readonly number[]): number[] {
  const order = [...ps.keys()].sort((i, j) => ps[i]! - ps[j]!)
  const corrected: number[] = []
  let least = 0
  for (const [rank, at] of order.entries()) {
    least = Math.max(least, Math.min(1, ps[at]! * (ps.length - rank)))
    corrected[at] = least
  }
  return corrected
}

function isJudged({ method, seed }: CurvePoint): boolean {
  return seed === null && !isReversed(method)
}

function levelOf({ dense, points }: Measured, point: CurvePoint): Tested {
  const { unit, method, level, share } = point
  const random = points.filter((other) => isSame(other, point) && other.method === 'random')
  const control = points.find((other) => isSame(other, point) && other.method === reversed(method))
  const costs = random.map(({ value }) => pointsLost(dense, value))
  const difference = control?.toOrder ?? null
  const beyond = control === undefined ? null : spreadP(dense, point.value, control.value, random)
  const tested = share < 1 && difference !== null && beyond !== null
  return {
    ...{ unit, method, level, share, seeds: random.length },
    randomCost: random.length === 0 ? null : meanOf(costs),
    reversed: difference,
    single: tested ? Math.max(difference.pValue, beyond) : null,
  }
}

/** The p-value of two random prunings that differ so far; null where fewer than two were measured. */
function spreadP(
  { metric, n }: Measured['dense'],
  order: number,
  control: number,
  random: readonly CurvePoint[],
): number | null {
  if (random.length < 2) return null
  const ps = scalesOf(metric, n).map(({ to }) => {
    const values = random.map(({ value }) => to(value))
    const spread = deviation(values, meanOf(values)) * Math.SQRT2
    return twoSidedT((to(control) - to(order)) / spread, random.length - 1)
  })
  return Math.max(...ps)
}

function isSame(a: { unit: string; level: Level }, b: { unit: string; level: Level }): boolean {
  return a.unit === b.unit && a.level === b.level
}

function verdictOf(dense: Measured['dense'], level: Tested, pValue: number | null): Verdict {
  const { share, seeds: _, single: __, ...found } = level
  const why = share === 1 ? 'all go, in whatever order' : missing(dense, level, pValue)
  return {
    ...found,
    evidence: why === null,
    pValue,
    why: why ?? 'random pruning costs at least 5 points, and the reversed order is significantly worse',
  }
}

/** What is missing to evidence, in words; null where nothing is. */
function missing(
  dense: Measured['dense'],
  { randomCost, reversed: control, seeds }: Tested,
  pValue: number | null,
): string | null {
  if (randomCost === null) return 'random pruning was not measured'
  if (randomCost < leastCost) return `random pruning costs ${randomCost.toFixed(1)} points only`
  if (control === null) return 'the reversed order was not measured'
  if (seeds < 2 || pValue === null) return 'one random pruning tells no spread: measure more seeds'
  if (!isWorse(dense, control)) return 'the reversed order is no worse'
  return pValue < greatestP
    ? null
    : `the reversed order is not significantly worse (p = ${pValue.toFixed(3)})`
}

function isWorse({ metric }: Measured['dense'], { difference }: Difference): boolean {
  return signOf(metric) * difference < 0
}

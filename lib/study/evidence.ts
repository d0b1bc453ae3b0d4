import type { CurvePoint, Curves, Difference, Level, Verdict } from './curve-types.js'
import { pointsLost, signOf } from './points.js'
import { isReversed, reversed } from './series.js'

/** What random pruning has to cost, and how sure it has to be that the reversed order is worse. */
const leastCost = 5
const greatestP = 0.05

type Measured = Pick<Curves, 'dense' | 'points'>

/**
 * What counts as evidence for an order: a level at which pruning at random costs at least 5 points (so that there is
 * something to lose) and the reversed order is significantly worse than the order itself (paired p < 0.05). At all
 * others a model that stays good shows that the level is easy, not that the order is right: a smoke test.
 * @returns a verdict for every level of every method but the controls
 */
export function judge({ dense, points }: Measured): Verdict[] {
  return points.filter(isJudged).map((point) => {
    const randomCost = costOfRandom(dense, points, point)
    const control = points.find((other) => isSame(other, point) && other.method === reversed(point.method))
    const reversedOrder = control?.toOrder ?? null
    const why = point.share === 1 ? 'all go, in whatever order' : missing(dense, randomCost, reversedOrder)
    return {
      ...{ unit: point.unit, method: point.method, level: point.level },
      ...{ evidence: why === null, randomCost, reversed: reversedOrder },
      why: why ?? 'random pruning costs at least 5 points, and the reversed order is significantly worse',
    }
  })
}

function isJudged({ method, seed }: CurvePoint): boolean {
  return seed === null && !isReversed(method)
}

function costOfRandom(
  dense: Measured['dense'],
  points: Measured['points'],
  point: CurvePoint,
): number | null {
  const random = points.filter((other) => isSame(other, point) && other.method === 'random')
  if (random.length === 0) return null
  return random.reduce((sum, { value }) => sum + pointsLost(dense, value), 0) / random.length
}

function isSame(a: { unit: string; level: Level }, b: { unit: string; level: Level }): boolean {
  return a.unit === b.unit && a.level === b.level
}

/** What is missing to evidence, in words; null where nothing is. */
function missing(dense: Measured['dense'], cost: number | null, control: Difference | null): string | null {
  if (cost === null) return 'random pruning was not measured'
  if (cost < leastCost) return `random pruning costs ${cost.toFixed(1)} points only`
  if (control === null) return 'the reversed order was not measured'
  const worse = signOf(dense.metric) * control.difference < 0
  if (!worse) return 'the reversed order is no worse'
  return control.pValue < greatestP
    ? null
    : `the reversed order is not significantly worse (p = ${control.pValue.toFixed(3)})`
}

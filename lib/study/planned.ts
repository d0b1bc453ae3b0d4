import type { RecipeBase } from '../pruning/pattern.js'
import { type ExplicitRecipe, prepareRecipe } from '../pruning/recipe.js'
import { readsCalibration } from '../pruning/updates.js'
import type { CurveMethod, CurvePoint } from './curve-types.js'
import { namedSeries } from './named-methods.js'
import { ownSeries } from './own-methods.js'
import { isReversed, orderOf, type Scope, type Series } from './series.js'
import { groupedBy } from './summary.js'

/** A point to measure. */
export type PlannedPoint = Pick<CurvePoint, 'unit' | 'method' | 'level' | 'share' | 'seed'> & {
  readonly recipe: ExplicitRecipe
  readonly readsCalibration: boolean
}

/**
 * Every point of a study, a reversed order right behind the order itself, level by level.
 * @throws TypeError, RangeError for a method that is wrong or there twice, or where nothing would go
 */
export function plannedPoints(
  methods: readonly (string | CurveMethod)[],
  scope: Scope,
  base: RecipeBase,
): PlannedPoint[] {
  const series = methods.flatMap((method, at) =>
    typeof method === 'string'
      ? namedSeries(method, scope, base)
      : [ownSeries(method, `methods[${at}]`, scope)],
  )
  const points = series.flatMap((one) => pointsOf(one, base))
  checkOnce(points)
  if (points.length === 0)
    throw new RangeError('Expected levels at which something goes, got none in this model.')
  const units = [...new Set(points.map(({ unit }) => unit))]
  return units.flatMap((unit) => paired(points.filter((point) => point.unit === unit)))
}

/** Level by level, random prunings first: what is compared is then kept for one level only. */
export function inMeasuringOrder(planned: readonly PlannedPoint[]): PlannedPoint[] {
  return groupedBy(planned, levelKey).flatMap((points) => [
    ...points.filter(isRandom),
    ...points.filter((point) => !isRandom(point)),
  ])
}

/** Random prunings at the level of a point that is none. Where all go there is only one, and nothing to compare. */
export function randomBeside(point: PlannedPoint, planned: readonly PlannedPoint[]): PlannedPoint[] {
  if (isRandom(point) || point.share === 1) return []
  return planned.filter((other) => isRandom(other) && levelKey(other) === levelKey(point))
}

export function levelKey({ unit, level }: Pick<CurvePoint, 'unit' | 'level'>): string {
  return JSON.stringify([unit, level])
}

/** What tells a point from every other of its study. */
export function keyOf({ unit, method, level, seed }: Pick<CurvePoint, 'unit' | 'method' | 'level' | 'seed'>) {
  return JSON.stringify([unit, method, level, seed])
}

/** The key of the point that a reversed one turns round. */
export function orderKey(point: Pick<CurvePoint, 'unit' | 'method' | 'level' | 'seed'>): string | undefined {
  return isReversed(point.method) ? keyOf({ ...point, method: orderOf(point.method) }) : undefined
}

function isRandom({ method }: PlannedPoint): boolean {
  return method === 'random'
}

function pointsOf({ unit, method, levels, seeds, recipe }: Series, base: RecipeBase): PlannedPoint[] {
  return levels.flatMap(({ level, share, count }) =>
    // Where all go there is nothing to draw.
    (share === 1 ? seeds.slice(0, 1) : seeds).map((seed) => {
      const explicit = explicitOf(method, recipe(level, count, seed), base)
      const reads = explicit.steps.some(readsCalibration)
      return { unit, method, level, share, seed, recipe: explicit, readsCalibration: reads }
    }),
  )
}

function explicitOf(method: string, recipe: unknown, base: RecipeBase): ExplicitRecipe {
  try {
    return prepareRecipe(recipe, base).recipe
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
    throw new RangeError(`Method \`${method}\`: ${error.message}`, { cause: error })
  }
}

function checkOnce(points: readonly PlannedPoint[]): void {
  const seen = new Set<string>()
  for (const point of points) {
    const key = keyOf(point)
    if (seen.has(key)) {
      throw new RangeError(
        `Expected \`methods\` to name each once, got \`${point.method}\` twice for ${point.unit}.`,
      )
    }
    seen.add(key)
  }
}

function paired(points: readonly PlannedPoint[]): PlannedPoint[] {
  const keys = new Set(points.map(keyOf))
  const turned = new Map<string, PlannedPoint>()
  for (const point of points) {
    const order = orderKey(point)
    if (order !== undefined && keys.has(order)) turned.set(order, point)
  }
  const behind = new Set(turned.values())
  return points
    .filter((point) => !behind.has(point))
    .flatMap((point) => {
      const reversed = turned.get(keyOf(point))
      return reversed === undefined ? [point] : [point, reversed]
    })
}

import type { CurvePoint, Curves, Reach, Spread } from './curve-types.js'
import { keeps99Percent, pointsLost } from './points.js'
import { deviation, meanOf } from './spread.js'

type Measured = Pick<Curves, 'dense' | 'points'>

/** Mean and standard deviation of methods that were measured with several seeds, level by level. */
export function spreadsOf(points: readonly CurvePoint[]): Spread[] {
  const seeded = points.filter(({ seed }) => seed !== null)
  return groupedBy(seeded, ({ unit, method, level }) => JSON.stringify([unit, method, level])).map(
    (group) => {
      const { unit, method, level } = group[0]!
      const values = group.map(({ value }) => value)
      const differences = group.map(({ toDense }) => toDense.difference)
      const [mean, meanDifference] = [meanOf(values), meanOf(differences)]
      const sd = group.length < 2 ? null : deviation(values, mean)
      return { unit, method, level, seeds: group.length, mean, sd, meanDifference }
    },
  )
}

/** How far each method gets, nothing interpolated; of several seeds by their mean. */
export function reachOf({ dense, points }: Measured): Reach[] {
  return groupedBy(points, ({ unit, method }) => JSON.stringify([unit, method])).map((series) => {
    const { unit, method } = series[0]!
    const levels = groupedBy(series, ({ level }) => String(level))
      .map((group) => ({ ...group[0]!, value: meanOf(group.map(({ value }) => value)) }))
      .sort((a, b) => a.share - b.share)
    const upTo = (within: (value: number) => boolean) => {
      const first = levels.findIndex(({ value }) => !within(value))
      return levels.slice(0, first < 0 ? undefined : first).at(-1)?.level ?? null
    }
    return {
      ...{ unit, method },
      withinOnePoint: upTo((value) => pointsLost(dense, value) <= 1),
      within99Percent: upTo((value) => keeps99Percent(dense, value)),
    }
  })
}

/** Groups in the order of their first member. */
export function groupedBy<T>(list: readonly T[], key: (each: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const each of list) {
    const name = key(each)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [each])
    else group.push(each)
  }
  return [...groups.values()]
}

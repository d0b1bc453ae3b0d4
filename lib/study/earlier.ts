import { isDeepStrictEqual } from 'node:util'
import { checkKeys, describe, expected } from '../check.js'
import { isJsonObject } from '../json-file.js'
import type { CurvePoint, Study } from './curve-types.js'
import { keyOf, type PlannedPoint } from './planned.js'

/** Of what `curve` gives: raised where its figures mean something else than before. */
export const curvesFormat = 2

const pointKeys = [
  ...['unit', 'method', 'level', 'share', 'seed', 'recipe', 'value', 'interval', 'intervalMethod', 'metrics'],
  ...['toDense', 'toOrder', 'toRandom', 'density', 'seconds'],
]

/** What an earlier run of the same study left: its dense value, and its points by key. */
export type Earlier = { readonly value: number; readonly points: ReadonlyMap<string, CurvePoint> }

/** @throws TypeError for what `curve` did not make; RangeError where it is another study's */
export function checkEarlier(
  earlier: unknown,
  study: Study,
  planned: readonly PlannedPoint[],
): Earlier | undefined {
  if (earlier === undefined) return undefined
  if (!isJsonObject(earlier) || !isJsonObject(earlier.dense) || !Array.isArray(earlier.points)) {
    throw new TypeError(expected('earlier', 'what `curve` gave', earlier))
  }
  checkFormat(earlier.format)
  checkSameStudy(earlier.study, study)
  const { value } = earlier.dense
  if (typeof value !== 'number') throw new TypeError(expected('earlier.dense.value', 'a number', value))
  const known = new Map(planned.map((point) => [keyOf(point), point]))
  const points = earlier.points.map((point: unknown, at) => checkPoint(`earlier.points[${at}]`, point, known))
  return { value, points: new Map(points.map((point) => [keyOf(point), point])) }
}

function checkFormat(format: unknown): void {
  if (format === curvesFormat) return
  const got =
    format === undefined
      ? 'none: its intervals are of an earlier version, by the percentile bootstrap'
      : describe(format)
  throw new RangeError(
    `Expected \`earlier.format\` to be ${curvesFormat}, got ${got}. Figures of two formats do not go together. Begin anew elsewhere.`,
  )
}

function checkSameStudy(found: unknown, study: Study): void {
  // As JSON has it: the earlier one may come from a file.
  const wanted: unknown = JSON.parse(JSON.stringify(study))
  const got: unknown = JSON.parse(JSON.stringify(found ?? null))
  if (isDeepStrictEqual(got, wanted)) return
  const keys = Object.keys(study) as (keyof Study)[]
  const other = keys.filter((key) => {
    return !isJsonObject(got) || !isDeepStrictEqual(got[key], JSON.parse(JSON.stringify(study[key])))
  })
  throw new RangeError(
    `Expected \`earlier\` to be of the same study, got one with another ${other.join(', ')}. Repeat its arguments, or begin anew elsewhere.`,
  )
}

/** The fields that are read again; the rest is the earlier run's own. */
function checkPoint(at: string, value: unknown, known: ReadonlyMap<string, PlannedPoint>): CurvePoint {
  checkKeys(at, value, pointKeys)
  const point = value as Partial<CurvePoint>
  const numbers = [
    point.value,
    point.toDense?.difference,
    point.toDense?.pValue,
    point.density?.prunable.density,
  ]
  const whole = numbers.every((number) => typeof number === 'number') && Array.isArray(point.interval)
  if (!whole || !known.has(keyOf(value as CurvePoint))) {
    throw new TypeError(expected(at, 'a point of this study', value))
  }
  return value as CurvePoint
}

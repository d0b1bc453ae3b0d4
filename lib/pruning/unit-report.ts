import { checkInteger, checkKeys, checkNumber, expected } from '../check.js'
import { checkAscending, checkList } from './json-lists.js'
import type { Unit } from './units.js'

/** Scores of the units of a weight set that were in scope and there before the step. */
export type UnitScores = {
  /** The weight set's number. */
  readonly weights: number
  /** Original indices. */
  readonly units: readonly number[]
  /** One for each, to nine digits: the lowest went first. Of several rounds those of the last that it was there in. */
  readonly scores: readonly number[]
  /** Of several rounds the one in which it went, 0 for those that stay. */
  readonly rounds?: readonly number[]
}

/** @param rounds in which each went, where there were several */
export function unitScoresOf(
  units: readonly Unit[],
  scores: Float64Array,
  rounds: Int32Array | undefined,
): UnitScores[] {
  const sets = [...new Set(units.map(({ set }) => set))]
  const places = new Map(sets.map((set) => [set, [] as number[]]))
  for (const [at, { set }] of units.entries()) places.get(set)!.push(at)
  return [...places].map(([weights, own]) => ({
    weights,
    units: own.map((at) => units[at]!.index),
    scores: own.map((at) => Number(scores[at]!.toPrecision(9))),
    ...(rounds && { rounds: own.map((at) => rounds[at]!) }),
  }))
}

/** @throws TypeError, RangeError */
export function checkUnitScores(what: string, value: unknown): UnitScores {
  checkKeys(what, value, ['weights', 'units', 'scores', 'rounds'])
  const units = checkAscending(`${what}.units`, value.units, Number.MAX_SAFE_INTEGER)
  const each = <T>(key: string, check: (what: string, value: unknown) => T) => {
    const list = checkList(`${what}.${key}`, value[key])
    if (list.length === units.length) return list.map((entry, at) => check(`${what}.${key}[${at}]`, entry))
    throw new RangeError(expected(`${what}.${key}`, `${units.length} long, as \`units\``, list.length))
  }
  return {
    weights: checkInteger(`${what}.weights`, value.weights),
    units,
    scores: each('scores', (at, entry) => checkNumber(at, entry, -Number.MAX_VALUE, Number.MAX_VALUE)),
    ...(value.rounds !== undefined && { rounds: each('rounds', (at, entry) => checkInteger(at, entry)) }),
  }
}

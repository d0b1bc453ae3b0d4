import { checkInteger, checkKeys, checkNumber, expected } from '../check.js'
import { checkAscending, checkList } from './json-lists.js'
import type { Candidate } from './ranking.js'

/** Scores of the units of a weight set that were in scope and there before the step. */
export type UnitScores = {
  /** The weight set's number. */
  readonly weights: number
  /** Original indices. */
  readonly units: readonly number[]
  /** One for each, to nine digits: the lowest went first. Of several rounds those of the last that it was there in. */
  readonly values: readonly number[]
  /** Of several rounds the one in which it went, 0 for those that stay. */
  readonly rounds?: readonly number[]
}

export function unitScoresOf(candidates: readonly Candidate[]): UnitScores[] {
  const sets = [...new Set(candidates.map(({ set }) => set))]
  return sets.map((weights) => {
    const own = candidates.filter(({ set }) => set === weights)
    const values = own.map(({ score }) => Number(score.toPrecision(9)))
    return { weights, units: own.map(({ index }) => index), values }
  })
}

/** @throws TypeError, RangeError */
export function checkUnitScores(what: string, value: unknown): UnitScores {
  checkKeys(what, value, ['weights', 'units', 'values', 'rounds'])
  const units = checkAscending(`${what}.units`, value.units, Number.MAX_SAFE_INTEGER)
  const each = <T>(key: string, check: (what: string, value: unknown) => T) => {
    const list = checkList(`${what}.${key}`, value[key])
    if (list.length === units.length) return list.map((entry, at) => check(`${what}.${key}[${at}]`, entry))
    throw new RangeError(expected(`${what}.${key}`, `${units.length} long, as \`units\``, list.length))
  }
  return {
    weights: checkInteger(`${what}.weights`, value.weights),
    units,
    values: each('values', (at, entry) => checkNumber(at, entry, -Number.MAX_VALUE, Number.MAX_VALUE)),
    ...(value.rounds !== undefined && { rounds: each('rounds', (at, entry) => checkInteger(at, entry)) }),
  }
}

import { checkOneOf, expected } from '../check.js'
import type { UnitScoreName } from './recipe-types.js'
import { unitScores } from './unit-scores.js'
import type { UnitKind } from './units.js'

export type WeightScoreName = 'magnitude' | 'random' | 'lamp' | 'wanda' | 'ria' | 'sparsegpt' | 'obs'
export type ScoreName = WeightScoreName | UnitScoreName

type WeightScore = {
  readonly name: WeightScoreName
  /** Reads the inputs of linears on calibration data. */
  readonly activations?: true
  /** Solves for each choice what the others could make up for, so there is no fixed order. */
  readonly solves?: true
}

/** Every score of weights; the lowest goes first. Those of heads and neurons are in unit-scores.ts. */
export const weightScores: readonly WeightScore[] = [
  /** |w| */
  { name: 'magnitude' },
  /** Uniform, from the recipe's seed and the step's place: the baseline for every other score. */
  { name: 'random' },
  /** w² as a share of the squares of its matrix that are not lower: comparable across matrices (Lee et al. 2021). */
  { name: 'lamp' },
  /** |w| times the norm of its input (Sun et al. 2023). */
  { name: 'wanda', activations: true },
  /** |w| as a share of its row and of its column, times the root of its input's norm (Zhang et al. 2024). */
  { name: 'ria', activations: true },
  /** What least squares lose by a weight, which then make up for it in the weights to come (Frantar & Alistarh 2023). */
  { name: 'sparsegpt', activations: true, solves: true },
  /** What `sparsegpt` chooses, its updates left out: for another `update`. */
  { name: 'obs', activations: true, solves: true },
]

/** Whether a score needs calibration data. */
export function readsActivations(name: ScoreName): boolean {
  const ofWeights = weightScores.some((score) => score.name === name && score.activations === true)
  return ofWeights || unitScores.some((score) => score.name === name && score.calibrated === true)
}

/** @throws TypeError when `value` is no score, or one that cannot rank weights */
export function checkWeightScore(what: string, value: unknown): WeightScoreName {
  const fitting = weightScores.map(({ name }) => name)
  return checkAmong(what, value, 'weights', fitting)
}

export function solvesAsItChooses(name: ScoreName): boolean {
  return weightScores.some((score) => score.name === name && score.solves === true)
}

/** @throws TypeError when `value` is no score, or one that cannot rank these units */
export function checkUnitScore(what: string, value: unknown, unit: UnitKind): UnitScoreName {
  const fitting = unitScores.filter(({ units }) => units.includes(unit)).map(({ name }) => name)
  return checkAmong(what, value, unit, fitting)
}

function checkAmong<T extends ScoreName>(
  what: string,
  value: unknown,
  unit: 'weights' | UnitKind,
  fitting: readonly T[],
): T {
  const all = [...unitScores, ...weightScores].map((score): ScoreName => score.name)
  const name = checkOneOf(what, value, [...new Set(all)])
  const found = fitting.find((score) => score === name)
  if (found !== undefined) return found
  throw new TypeError(
    `Expected \`${what}\` to be a score of ${unit}, got '${name}'. For ${unit} there are ${fitting.map((score) => `'${score}'`).join(', ')}.`,
  )
}

/** @throws TypeError when `value` is given and neither true nor false */
export function checkReverse(at: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw new TypeError(expected(`${at}.reverse`, 'true or false', value))
}

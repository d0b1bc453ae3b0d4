import { checkOneOf, expected } from '../check.js'

export type ScoreName = 'magnitude' | 'headNorm' | 'random' | 'lamp' | 'wanda' | 'ria' | 'sparsegpt'

/** What a step chooses between. */
export type ScoredUnit = 'weights' | 'heads' | 'neurons'

type Score = {
  readonly name: ScoreName
  readonly units: readonly ScoredUnit[]
  /** Reads the inputs of linears on calibration data. */
  readonly activations?: true
}

/** Every score there is; the lowest goes first. */
export const scores: readonly Score[] = [
  /** Weights: |w|. Heads and neurons: the L1 norm of their slices, comparable across layers as it is. */
  { name: 'magnitude', units: ['weights', 'heads', 'neurons'] },
  /** A head's share of its layer's L1 norm, over query, key, value and output (Gordon, Duh & Andrews 2020). */
  { name: 'headNorm', units: ['heads'] },
  /** Uniform, from the recipe's seed and the step's place: the baseline for every other score. */
  { name: 'random', units: ['weights', 'heads', 'neurons'] },
  /** w² as a share of the squares of its matrix that are not lower: comparable across matrices (Lee et al. 2021). */
  { name: 'lamp', units: ['weights'] },
  /** |w| times the norm of its input (Sun et al. 2023). */
  { name: 'wanda', units: ['weights'], activations: true },
  /** |w| as a share of its row and of its column, times the root of its input's norm (Zhang et al. 2024). */
  { name: 'ria', units: ['weights'], activations: true },
  /** What least squares lose by a weight, which then make up for it in the weights to come (Frantar & Alistarh 2023). */
  { name: 'sparsegpt', units: ['weights'], activations: true },
]

export const scoreNames: readonly ScoreName[] = scores.map(({ name }) => name)

export function readsActivations(name: string): boolean {
  return scores.some((score) => score.name === name && score.activations === true)
}

/** @throws TypeError when `value` is no score, or one that cannot rank these units */
export function checkScore(what: string, value: unknown, unit: ScoredUnit): ScoreName {
  const name = checkOneOf(what, value, scoreNames)
  const fitting = scores.filter(({ units }) => units.includes(unit)).map((score) => `'${score.name}'`)
  if (fitting.includes(`'${name}'`)) return name
  throw new TypeError(
    `Expected \`${what}\` to be a score of ${unit}, got '${name}'. For ${unit} there are ${fitting.join(', ')}.`,
  )
}

/** @throws TypeError when `value` is given and neither true nor false */
export function checkReverse(at: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw new TypeError(expected(`${at}.reverse`, 'true or false', value))
}

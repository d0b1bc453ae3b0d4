import { checkOneOf } from '../check.js'

export type ScoreName = 'magnitude' | 'headNorm' | 'random'

/** What a step chooses between. */
export type ScoredUnit = 'weights' | 'heads' | 'neurons'

type Score = { readonly name: ScoreName; readonly units: readonly ScoredUnit[] }

/** Every score there is; the lowest goes first. */
export const scores: readonly Score[] = [
  /** Weights: |w|. Heads and neurons: the L1 norm of their slices, comparable across layers as it is. */
  { name: 'magnitude', units: ['weights', 'heads', 'neurons'] },
  /** A head's share of its layer's L1 norm, over query, key, value and output (Gordon, Duh & Andrews 2020). */
  { name: 'headNorm', units: ['heads'] },
  /** Uniform, from the recipe's seed and the step's place: the baseline for every other score. */
  { name: 'random', units: ['weights', 'heads', 'neurons'] },
]

export const scoreNames: readonly ScoreName[] = scores.map(({ name }) => name)

/** @throws TypeError when `value` is no score, or one that cannot rank these units */
export function checkScore(what: string, value: unknown, unit: ScoredUnit): ScoreName {
  const name = checkOneOf(what, value, scoreNames)
  const fitting = scores.filter(({ units }) => units.includes(unit)).map((score) => `'${score.name}'`)
  if (fitting.includes(`'${name}'`)) return name
  throw new TypeError(
    `Expected \`${what}\` to be a score of ${unit}, got '${name}'. For ${unit} there are ${fitting.join(', ')}.`,
  )
}

import type { UnitScoreName } from './recipe-types.js'
import { ablation } from './unit-scores/ablation.js'
import { fisher } from './unit-scores/fisher.js'
import { gradient } from './unit-scores/gradient.js'
import { hardConcrete } from './unit-scores/hard-concrete.js'
import { headNorm } from './unit-scores/head-norm.js'
import { magnitude } from './unit-scores/magnitude.js'
import { obs } from './unit-scores/obs.js'
import { random } from './unit-scores/random.js'
import { ranking } from './unit-scores/ranking.js'
import { similarity } from './unit-scores/similarity.js'
import { subset } from './unit-scores/subset.js'
import type { UnitScore } from './unit-scores/unit-score.js'

/** Every score of heads and neurons; the lowest goes first. */
export const unitScores: readonly UnitScore[] = [
  headNorm,
  magnitude,
  random,
  gradient,
  fisher,
  ablation,
  similarity,
  subset,
  hardConcrete,
  obs,
  ranking,
]

export function unitScore(name: UnitScoreName): UnitScore {
  return unitScores.find((score) => score.name === name)!
}

import type { RecipeBase, StepContext } from '../pattern.js'
import type { UnitScoreFields, UnitScoreName, UnitScoring } from '../recipe-types.js'
import type { Unit, UnitKind } from '../units.js'

/** What is to be ranked. */
export type Ranked = {
  readonly context: StepContext
  readonly kind: UnitKind
  /** The step's place in the recipe, for messages. */
  readonly at: string
  readonly sets: readonly number[]
  /** Units of those sets that are there, by weight set and then by index. */
  readonly units: readonly Unit[]
  /** How many of them go. */
  readonly count: number
}

/** A score under way. */
export type Scorer = {
  /**
   * One number for each unit: the lowest goes first.
   * @param gates [units]: 1, and 0 for those that went in earlier rounds, whose numbers are not looked at
   */
  readonly scores: (gates: Float32Array) => Promise<Float64Array>
  /** Sentences on what was not obvious. */
  readonly notes?: readonly string[]
  readonly dispose?: () => void
}

/** A way to rank heads or neurons: one file here, one line in `unit-scores.ts`. */
export type UnitScore = {
  readonly name: UnitScoreName
  readonly units: readonly UnitKind[]
  /** Needs calibration data. */
  readonly calibrated?: true
  /** What `update` is where a step does not say. @default 'none' */
  readonly update?: 'refit'
  /** Fields of a step that are this score's own. */
  readonly keys?: readonly string[]
  /** Those fields with their defaults. @throws TypeError, RangeError */
  readonly check?: (
    at: string,
    step: Readonly<Record<string, unknown>>,
    kind: UnitKind,
    base: RecipeBase,
  ) => UnitScoreFields
  /** @throws TypeError, RangeError where the data or the model does not fit; TwofourError; `signal.reason` */
  readonly open: (ranked: Ranked, step: UnitScoring) => Promise<Scorer>
}

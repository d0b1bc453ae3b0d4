import type { EncoderSpec, Slot } from '../architecture/spec.js'
import type { Calibration } from '../calibration/calibration.js'
import type { Decision } from '../checkpoint/decision.js'
import type { StoredTensor } from '../checkpoint/stored.js'
import type { ExplicitRecipe, ExplicitStep } from './recipe-types.js'
import type { UnitScores } from './unit-report.js'

/** What a step works on: the base, what earlier steps decided, and how to be stopped. */
export type StepContext = {
  readonly base: EncoderSpec
  readonly slots: ReadonlyMap<Slot, StoredTensor>
  readonly decision: Decision
  readonly seed: number
  /** The step's place in the recipe: two random steps draw different numbers. */
  readonly stream: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((done: number, total: number) => void) | undefined
  /** Tells that the step is at a layer, of those that are there. */
  readonly onLayer: (layer: number, layers: number) => void
  /** There for steps that read it. */
  readonly calibration: Calibration | undefined
  /** Of what calibrated steps compute; 0: as many as the machine has to give. */
  readonly threads: number
}

/** What a calibrated step found of one linear. */
export type LinearOutcome = {
  readonly slot: Slot
  /** Tokens that were looked at, for each input that is there. */
  readonly tokensPerColumn: number
  /** Relative squared error of the output on those tokens: with zeros alone, and as updated. */
  readonly errors?: { readonly masked: number; readonly updated: number }
  readonly damping?: number
  /** Rows that stayed as they were, because the solution was no better than zeros alone. */
  readonly unchangedRows?: number
}

/** What one step did, for the summary and `pruning.json`. */
export type StepReport = {
  readonly pattern: string
  readonly unit: 'weights' | 'heads' | 'neurons' | 'layers'
  /** Units of the scope, gone ones included. Heads and neurons of shared weight sets count once. */
  readonly of: number
  /** Units that were there before the step and are gone after it. */
  readonly removed: number
  /** N:M only: matrices whose rows end in fewer than M weights, all of which stay. */
  readonly tails?: readonly { readonly slot: Slot; readonly columns: number }[]
  /** What a calibrated step looked at; `digest` is the SHA-256 of the tokens. */
  readonly calibration?: {
    readonly examples: number
    readonly sequences: number
    readonly tokens: number
    readonly digest: string
  }
  /** Of a calibrated step, in the order of the forward pass. */
  readonly linears?: readonly LinearOutcome[]
  /** Heads and neurons by a score only: of each weight set in scope. */
  readonly scores?: readonly UnitScores[]
  /** Sentences on what was not obvious. */
  readonly notes?: readonly string[]
}

/** One call of `prune`: what was asked, and what each step did. */
export type PruningPass = { readonly recipe: ExplicitRecipe; readonly steps: readonly StepReport[] }

export type StepOutcome = { readonly decision: Decision; readonly report: StepReport }

/** What a recipe's indices are held against. */
export type RecipeBase = Pick<EncoderSpec, 'layers' | 'originalHeads'>

/** A step with its defaults filled in, ready to run. */
export type PreparedStep = {
  readonly explicit: ExplicitStep
  readonly run: (context: StepContext) => Promise<StepOutcome>
}

/** A kind of step: one file in `patterns/`, one line in `patterns.ts`. */
export type Pattern = {
  /** What a recipe writes in `pattern`, for messages. */
  readonly form: string
  readonly matches: (name: string) => boolean
  /**
   * Checks a step of this pattern.
   * @param at the step's place, for messages: `recipe.steps[2]`
   * @throws TypeError, RangeError
   */
  readonly prepare: (step: Readonly<Record<string, unknown>>, at: string, base: RecipeBase) => PreparedStep
}

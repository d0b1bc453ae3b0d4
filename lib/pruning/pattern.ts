import type { EncoderSpec, Slot } from '../architecture/spec.js'
import type { Calibration } from '../calibration/calibration.js'
import type { Decision } from '../checkpoint/decision.js'
import type { StoredTensor } from '../checkpoint/stored.js'
import type { LatencyTable } from '../latency/table.js'
import type { CostKind } from './cost/cost.js'
import type { ExplicitRecipe, ExplicitStep } from './recipe-types.js'
import type { UnitScores } from './unit-report.js'

/** What a step works on: the base, what earlier steps decided, and how to be stopped. */
export type StepContext = {
  /** The checkpoint's own. */
  readonly root: string
  readonly base: EncoderSpec
  readonly slots: ReadonlyMap<Slot, StoredTensor>
  readonly decision: Decision
  readonly seed: number
  /** The step's place in the recipe: two random steps draw different numbers. */
  readonly stream: number
  readonly signal: AbortSignal | undefined
  /** @param unit @default 'matrices' */
  readonly onProgress: ((done: number, total: number, unit?: string) => void) | undefined
  /** Tells that the step is at a layer, of those that are there. */
  readonly onLayer: (layer: number, layers: number) => void
  /** There for steps that read it. */
  readonly calibration: Calibration | undefined
  /** There for steps with a budget of milliseconds. */
  readonly latency: LatencyTable | undefined
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

/** What became of a linear of a mixed step, and why. */
export type MixedChoice = {
  readonly slot: Slot
  /** Relative squared error of its output on tokens that the step did not look at, were it alone pruned. */
  readonly error: number
  readonly dense: boolean
  /** What its matrix saves by being sparse, in all layers that apply it; query, key and value are one matrix. */
  readonly milliseconds?: number
}

/** What an order of a matrix' inputs brought: sums of the scores that N:M keeps. */
export type PermutationOutcome = {
  readonly slot: Slot
  readonly kept: { readonly before: number; readonly after: number }
  /** What was won of what could be won if each row kept as many weights wherever they stand; absent where nothing. */
  readonly efficacy?: number
}

/** What one step did, for the summary and `pruning.json`. */
export type StepReport = {
  readonly pattern: string
  readonly unit: 'weights' | 'heads' | 'neurons' | 'heads and neurons' | 'layers'
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
  /** Of a mixed step, in the order of the forward pass. */
  readonly choices?: readonly MixedChoice[]
  /** Of a step with a budget. */
  readonly budget?: BudgetReport
  /** Heads and neurons by a score only: of each weight set in scope. */
  readonly scores?: readonly UnitScores[]
  /** Of a step that permutes: matrices whose inputs it looked for an order of. */
  readonly permutations?: readonly PermutationOutcome[]
  /** Sentences on what was not obvious. */
  readonly notes?: readonly string[]
}

/** What the model costs, in whole operations, bytes or milliseconds; `after` is what the cost model predicts. */
export type BudgetReport = {
  readonly kind: CostKind
  readonly limit: number
  /** Of everything that is stored, of what was there before the step, and of what is left. */
  readonly stored: number
  readonly before: number
  readonly after: number
  /** Sequences and tokens of each that it is the cost of; bytes have none. */
  readonly batch?: number
  readonly tokens?: number
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

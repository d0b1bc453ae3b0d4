import { checkKeys, checkSignal, checkString, expected } from '../check.js'
import { Checkpoint } from '../checkpoint/checkpoint.js'
import type { Decision, Pass } from '../checkpoint/decision.js'
import { saveSafetensors } from '../checkpoint/safetensors-write.js'
import { TwofourError } from '../errors.js'
import type { PlanBase } from './base.js'
import type { PruningPass, StepReport } from './pattern.js'
import { checkFits } from './plan-fit.js'
import { readPlanFile } from './plan-read.js'
import { planTensors, writePlanMetadata } from './plan-write.js'
import { historyOf } from './pruning-json.js'
import type { ExplicitRecipe } from './recipe-types.js'
import { type DecisionSummary, summarizeDecision } from './summary.js'

export type PlanSummary = DecisionSummary & {
  readonly base: { readonly name: string; readonly hash: string; readonly architecture: string }
  /** One report for each step of the recipe. */
  readonly steps: readonly StepReport[]
}

export type PlanOptions = {
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

export type PlanParts = {
  readonly base: PlanBase
  readonly decision: Decision
  readonly pass: PruningPass
  /** Passes that the checkpoint had been through, in order: the decision holds theirs too. */
  readonly earlier: readonly Pass[]
}

/** What pruning has decided about one checkpoint: bits, kept heads, neurons and layers, and where they come from. */
export class Plan {
  readonly recipe: ExplicitRecipe
  readonly seed: number
  readonly baseHash: string
  readonly decision: Decision
  readonly earlier: readonly Pass[]
  readonly #base: PlanBase
  readonly #steps: readonly StepReport[]

  /** Made by `prune` and `Plan.open`. */
  constructor({ base, decision, pass, earlier }: PlanParts) {
    this.recipe = pass.recipe
    this.seed = pass.recipe.seed
    this.baseHash = base.hash
    this.decision = { ...decision, history: historyOf([...earlier, pass]) }
    this.earlier = earlier
    this.#base = base
    this.#steps = pass.steps
  }

  /**
   * Opens a plan file.
   * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, PLAN_INVALID, or a SAFETENSORS_ code
   */
  static async open(path: string, options: PlanOptions = {}): Promise<Plan> {
    checkString('path', path)
    checkKeys('options', options, ['signal'])
    return new Plan(await readPlanFile(path, checkSignal(options.signal)))
  }

  /** What each step did, and what is left: per slot, per layer, in all. */
  summary(): PlanSummary {
    return { base: nameOf(this.#base), steps: this.#steps, ...summarizeDecision(this.#base, this.decision) }
  }

  /** Writes the plan as one safetensors file: see docs/plan-format.md. @throws TwofourError FILE_UNWRITABLE */
  async save(path: string, options: PlanOptions = {}): Promise<void> {
    checkString('path', path)
    checkKeys('options', options, ['signal'])
    const signal = checkSignal(options.signal)

    const parts = this.#parts()
    await saveSafetensors(path, planTensors(parts), { metadata: writePlanMetadata(parts), signal })
  }

  /**
   * The checkpoint as the plan wants it; a decision that it carried before is replaced. Reads the weights once, to
   * know that they are the ones the plan was made for.
   * @throws TwofourError PLAN_WRONG_BASE, PLAN_INVALID, FILE_CHANGED
   */
  async apply(checkpoint: Checkpoint, options: PlanOptions = {}): Promise<Checkpoint> {
    checkKeys('options', options, ['signal'])
    const signal = checkSignal(options.signal)

    if (!(checkpoint instanceof Checkpoint))
      throw new TypeError(expected('checkpoint', 'an open Checkpoint', checkpoint))
    const hash = await checkpoint.hash({ signal })
    if (hash !== this.baseHash) throw wrongBase(this.#base, checkpoint.root, hash)
    checkFits(this.#base, checkpoint)

    return checkpoint.withDecision(this.decision)
  }

  #parts(): PlanParts {
    const pass = { recipe: this.recipe, steps: this.#steps }
    return { base: this.#base, decision: this.decision, pass, earlier: this.earlier }
  }
}

function nameOf({ name, hash, architecture }: PlanBase): PlanSummary['base'] {
  return { name, hash, architecture }
}

function wrongBase(base: PlanBase, directory: string, hash: string): TwofourError {
  const message =
    `This plan was made for ${base.name} (${base.hash.slice(0, 12)}), and ${directory} holds other weights ` +
    `(${hash.slice(0, 12)}). Apply it to ${base.name}, or prune ${directory} with the same recipe.`
  return new TwofourError('PLAN_WRONG_BASE', message, {
    base: base.name,
    hash: base.hash,
    directory,
    got: hash,
  })
}

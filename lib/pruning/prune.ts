import type { Progress } from '../addon.js'
import { checkKeys, checkSignal, expected } from '../check.js'
import { Checkpoint } from '../checkpoint/checkpoint.js'
import { type Decision, nothingDecided } from '../checkpoint/decision.js'
import { describeBase } from './base.js'
import type { StepReport } from './pattern.js'
import { Plan } from './plan.js'
import { type PreparedRecipe, prepareRecipe } from './recipe.js'
import type { Recipe } from './recipe-types.js'

export type PruneOptions = {
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Stages are the steps, as `step 2 of 3: 2:4`; the unit is matrices. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/**
 * Decides what of a checkpoint goes: runs the recipe's steps in order, each on what the steps before it left. A
 * checkpoint that carries a decision already starts from that, so a plan is always about the stored base.
 * @throws TypeError, RangeError for a wrong recipe; TwofourError PRUNE_NOT_FINITE, FILE_CHANGED
 */
export async function prune(
  checkpoint: Checkpoint,
  recipe: Recipe,
  options: PruneOptions = {},
): Promise<Plan> {
  if (!(checkpoint instanceof Checkpoint))
    throw new TypeError(expected('checkpoint', 'an open Checkpoint', checkpoint))
  refuseCalibration(options)
  checkKeys('options', options, ['signal', 'onProgress'])
  const signal = checkSignal(options.signal)
  const { onProgress } = options
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TypeError(expected('onProgress', 'a function', onProgress))
  }
  const prepared = prepareRecipe(recipe, checkpoint.base)

  const base = await describeBase(checkpoint, signal)
  const { decision, steps } = await runSteps(checkpoint, prepared, signal, onProgress)

  const earlier = checkpoint.decision?.history?.passes ?? []
  return new Plan({ base, decision, pass: { recipe: prepared.recipe, steps }, earlier })
}

async function runSteps(
  { base, slots, decision: start }: Checkpoint,
  { recipe, steps }: PreparedRecipe,
  signal: AbortSignal | undefined,
  onProgress: PruneOptions['onProgress'],
): Promise<{ decision: Decision; steps: StepReport[] }> {
  let decision = start ?? nothingDecided(base)
  const reports: StepReport[] = []
  for (const [stream, { explicit, run }] of steps.entries()) {
    signal?.throwIfAborted()
    const stage = `step ${stream + 1} of ${steps.length}: ${explicit.pattern}`
    const tell =
      onProgress && ((done: number, total: number) => onProgress({ stage, done, total, unit: 'matrices' }))
    // Native progress may come too late for a step that is over at once.
    onProgress?.({ stage, done: stream, total: steps.length, unit: 'steps' })
    const outcome = await run({ base, slots, decision, seed: recipe.seed, stream, signal, onProgress: tell })
    decision = outcome.decision
    reports.push(outcome.report)
  }
  return { decision, steps: reports }
}

function refuseCalibration(options: object): void {
  if (!('calibration' in options) || options.calibration === undefined) return
  throw new TypeError(
    'Expected `calibration` to be absent, for no score here reads calibration data yet. Leave it out.',
  )
}

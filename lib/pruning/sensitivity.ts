import type { Progress } from '../addon.js'
import type { Slot } from '../architecture/spec.js'
import { Calibration } from '../calibration/calibration.js'
import { checkInteger, checkKeys, checkSignal, expected } from '../check.js'
import { Checkpoint } from '../checkpoint/checkpoint.js'
import { nothingDecided } from '../checkpoint/decision.js'
import { parseLayerSlot } from '../checkpoint/structure.js'
import { linearErrors } from './mixed/errors.js'
import type { StepContext } from './pattern.js'
import { prepareRecipe } from './recipe.js'
import type { NmStep, RecipeStep, UnstructuredStep } from './recipe-types.js'
import { weightsInScope } from './scope.js'

export type SensitivityOptions = {
  /** What each linear is pruned by, alone: an N:M or unstructured step. */
  readonly step: RecipeStep
  /** Three quarters of the examples are looked at, and the last quarter checked on. */
  readonly calibration: Calibration
  /** Of the random score. @default 0 */
  readonly seed?: number | undefined
  /** @default what cores, affinity and quota allow */
  readonly threads?: number | undefined
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** What a linear costs if it alone is pruned. */
export type LinearSensitivity = {
  readonly slot: Slot
  /** Its weight set, which is the layer's index but where layers share weights. */
  readonly weights: number
  readonly linear: string
  /** Relative squared error of its output, ‖Δy‖² / ‖y‖², on tokens that were not looked at. */
  readonly error: number
}

const keys = ['step', 'calibration', 'seed', 'threads', 'signal', 'onProgress']

/**
 * What each linear costs alone under a step, in the order of the forward pass. Linears read what the model gives them
 * before the step.
 * @throws TypeError, RangeError; TwofourError PRUNE_NOT_FINITE, FILE_CHANGED, OUT_OF_MEMORY
 */
export async function sensitivity(
  checkpoint: Checkpoint,
  options: SensitivityOptions,
): Promise<LinearSensitivity[]> {
  if (!(checkpoint instanceof Checkpoint))
    throw new TypeError(expected('checkpoint', 'an open Checkpoint', checkpoint))
  checkKeys('options', options, keys)
  const { calibration } = options
  if (!(calibration instanceof Calibration))
    throw new TypeError(expected('calibration', 'a Calibration', calibration))
  calibration.checkFits(checkpoint.spec)
  const signal = checkSignal(options.signal)
  const step = checkStep(options, checkpoint)

  const context = contextOf(checkpoint, { ...options, signal })
  const scope = weightsInScope(context, step.slots, step.layers)
  const errors = await linearErrors(context, step, patternOf(step), scope)

  return errors.map(({ slot, error }) => {
    const { weights, linear } = parseLayerSlot(slot)!
    return { slot, weights, linear, error }
  })
}

/** With the checks of a mixed step: there is no choice among all matrices. */
function checkStep({ step, seed }: SensitivityOptions, { base }: Checkpoint): NmStep | UnstructuredStep {
  if (typeof step !== 'object' || step === null || !/^(\d+:\d+|unstructured)$/.test(step.pattern ?? ''))
    throw new TypeError(expected('step', 'an N:M or unstructured step', step))
  const recipe = { steps: [{ mixed: { dense: 0 }, ...step }], ...(seed !== undefined && { seed }) }
  const [explicit] = prepareRecipe(recipe, base).recipe.steps
  return explicit as NmStep | UnstructuredStep
}

function contextOf(
  { base, root, slots, decision }: Checkpoint,
  { calibration, seed = 0, threads, signal, onProgress }: SensitivityOptions,
): StepContext {
  return {
    ...{ base, root, slots, decision: decision ?? nothingDecided(base), seed, stream: 0, signal },
    ...{ calibration, latency: undefined, onProgress: undefined },
    threads: threads === undefined ? 0 : checkInteger('threads', threads, 1, 1024),
    onLayer: (layer, total) =>
      onProgress?.({
        stage: `layer ${layer + 1} of ${total}`,
        ...{ done: layer, total, unit: 'layers' },
      }),
  }
}

function patternOf(step: NmStep | UnstructuredStep) {
  if (step.pattern === 'unstructured') {
    const { fraction, per } = step as UnstructuredStep
    return { kind: 'unstructured', fraction, per } as const
  }
  const [n, m] = step.pattern.split(':').map(Number) as [number, number]
  return { kind: 'nm', n, m } as const
}

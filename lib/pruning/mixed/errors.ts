import type { SelectRequest } from '../../../binding.js'
import { addon, native } from '../../addon.js'
import type { Slot } from '../../architecture/spec.js'
import type { Decision } from '../../checkpoint/decision.js'
import { asStored, type Linear, solveLinear, updateLinear } from '../change-linear.js'
import { layerStops } from '../layer-stops.js'
import type { StepContext } from '../pattern.js'
import type { ScopedWeight } from '../scope.js'
import { readsActivations, solvesAsItChooses } from '../scores.js'
import { selectInScope } from '../selection.js'
import type { WeightStep } from '../weight-step.js'

/** What a linear costs if it alone is pruned. */
export type LinearError = {
  readonly slot: Slot
  /** Relative squared error of its output on tokens that were not looked at. */
  readonly error: number
}

/** One example of so many is kept apart. */
const every = 4

/**
 * Prunes and updates each linear alone, as a step would, on three quarters of the calibration data, and looks at the
 * outputs on the last quarter. Linears read what the model gives them before the step. Nothing of it is kept.
 * @throws RangeError for fewer than four examples; as the step itself
 */
export async function linearErrors(
  context: StepContext,
  step: WeightStep,
  pattern: SelectRequest['pattern'],
  scope: readonly ScopedWeight[],
): Promise<LinearError[]> {
  const { rest, apart } = context.calibration!.split(every)
  const seen = { ...context, calibration: rest }
  const stopping = { full: true, target: 'own', prefix: 'pruned' } as const
  const unseen = layerStops({ ...context, calibration: apart, onLayer: () => {} }, scope, stopping, () => {
    return context.decision
  })
  const errors: LinearError[] = []
  try {
    for await (const stop of layerStops(seen, scope, stopping, () => context.decision)) {
      const check = (await unseen.next()).value!
      for (const weight of stop.weights) {
        const after = await changedAlone(seen, step, pattern, { weight, stop })
        errors.push(await errorOf(context, after, { weight, stop: check }))
      }
    }
  } finally {
    await unseen.return()
  }
  return errors
}

async function changedAlone(
  context: StepContext,
  step: WeightStep,
  pattern: SelectRequest['pattern'],
  linear: Linear,
): Promise<Decision> {
  const chosen = await chosenAlone(context, step, pattern, linear)
  if (step.update === undefined || step.update === 'none') return chosen
  return (await updateLinear(context, chosen, step, linear)).decision
}

async function chosenAlone(
  context: StepContext,
  step: WeightStep,
  pattern: SelectRequest['pattern'],
  linear: Linear,
): Promise<Decision> {
  const { decision } = context
  if (solvesAsItChooses(step.score))
    return (await solveLinear(context, decision, step, pattern, linear)).decision
  const { weight, stop } = linear
  const moments = readsActivations(step.score) ? [stop.moments] : undefined
  const quiet = { ...context, onProgress: undefined }
  const { bits } = await selectInScope(quiet, [weight], step, pattern, moments)
  return { ...decision, masks: new Map(decision.masks).set(weight.slot, bits[0]!) }
}

async function errorOf(context: StepContext, after: Decision, linear: Linear): Promise<LinearError> {
  const before = asStored(context, context.decision, linear)
  const changed = asStored(context, after, linear)
  const { moments, threads } = before
  const request = {
    ...{ before: before.weight, beforeBias: before.bias, after: changed.weight, afterBias: changed.bias },
    ...{ moments, threads },
  }
  const error = await native((control) => addon().relativeError(request, control), {
    signal: context.signal,
  })
  // Of outputs that are zero everywhere no share can be told.
  return { slot: linear.weight.slot, error: Number.isFinite(error) ? error : 0 }
}

import type { SelectRequest } from '../../binding.js'
import { expected } from '../check.js'
import { runCalibrated } from './calibrated.js'
import { checkMixed } from './mixed/check.js'
import { runMixed } from './mixed/run.js'
import type { RecipeBase, StepContext, StepOutcome } from './pattern.js'
import type { NmStep, UnstructuredStep } from './recipe-types.js'
import { checkLayers, checkSlots, weightsInScope } from './scope.js'
import { checkReverse, checkScore } from './scores.js'
import { selectInScope, withMasks } from './selection.js'
import { checkCalibratedSlots, checkUpdate, readsCalibration, updateKeys } from './updates.js'

export type WeightStep = UnstructuredStep | NmStep

/** What every step over weights may say. */
export const weightKeys = ['score', 'reverse', ...updateKeys, 'mixed', 'slots', 'layers']

type Shared = Omit<NmStep, 'pattern'>

/** The fields of `weightKeys`, with their defaults. @throws TypeError, RangeError */
export function checkWeightStep(
  at: string,
  step: Readonly<Record<string, unknown>>,
  base: RecipeBase,
): Shared {
  const score = checkScore(`${at}.score`, step.score ?? 'magnitude', 'weights')
  const reverse = checkReverse(at, step.reverse)
  if (score === 'sparsegpt' && reverse) {
    throw new TypeError(
      expected(`${at}.reverse`, "false with 'sparsegpt', which has no fixed order", reverse),
    )
  }
  const shared = {
    score,
    ...(score !== 'sparsegpt' && { reverse }),
    ...checkUpdate(at, step, score, base),
    ...(step.mixed !== undefined && { mixed: checkMixed(at, step) }),
    slots: checkSlots(at, step.slots),
    layers: checkLayers(at, step.layers, base),
  }
  if (readsCalibration({ pattern: '1:2', ...shared })) checkCalibratedSlots(at, shared.slots)
  return shared
}

/** Chooses by the step's pattern, and updates where the step says so. */
export async function runWeightStep(
  context: StepContext,
  step: WeightStep,
  pattern: SelectRequest['pattern'],
): Promise<StepOutcome> {
  const scope = weightsInScope(context, step.slots, step.layers)
  if (step.mixed !== undefined) return runMixed(context, { ...step, mixed: step.mixed }, pattern, scope)
  if (readsCalibration(step)) return runCalibrated(context, step, pattern, scope)
  const chosen = await selectInScope(context, scope, step, pattern)
  return withMasks(context, scope, chosen, step.pattern)
}

import type { SelectRequest } from '../../binding.js'
import { expected } from '../check.js'
import { runCalibrated } from './calibrated.js'
import { checkMixed } from './mixed/check.js'
import { runMixed } from './mixed/run.js'
import type { RecipeBase, StepContext, StepOutcome } from './pattern.js'
import { permuteFirst, withPermutations } from './permute.js'
import type { NmStep, UnstructuredStep } from './recipe-types.js'
import { checkLayers, checkSlots, type ScopedWeight, weightsInScope } from './scope.js'
import { checkReverse, checkWeightScore, readsActivations, solvesAsItChooses } from './scores.js'
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
  const score = checkWeightScore(`${at}.score`, step.score ?? 'magnitude')
  const reverse = checkReverse(at, step.reverse)
  const ordered = !solvesAsItChooses(score)
  if (reverse && !ordered) {
    throw new TypeError(expected(`${at}.reverse`, `false with '${score}', which has no fixed order`, reverse))
  }
  const shared = {
    score,
    ...(ordered && { reverse }),
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
  const run = (rest: readonly ScopedWeight[]) => runInScope(context, step, pattern, rest)
  if (step.mixed === undefined) return run(scope)
  return runMixed(context, { ...step, mixed: step.mixed }, pattern, scope, run)
}

async function runInScope(
  context: StepContext,
  step: WeightStep,
  pattern: SelectRequest['pattern'],
  scope: readonly ScopedWeight[],
): Promise<StepOutcome> {
  const inputs = readsActivations(step.score)
  if (inputs) return runCalibrated(context, step, pattern, scope)
  const { decision, outcomes } = await permuteFirst(context, step, pattern, scope)
  const permuted = { ...context, decision }
  if (readsCalibration(step)) {
    const outcome = await runCalibrated(permuted, step, pattern, scope)
    return withPermutations(context, step, pattern, outcome, outcomes)
  }
  const chosen = await selectInScope(permuted, scope, step, pattern)
  return withPermutations(context, step, pattern, withMasks(permuted, scope, chosen, step.pattern), outcomes)
}

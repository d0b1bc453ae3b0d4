import type { MomentsHandle, SelectRequest } from '../../binding.js'
import { addon, native } from '../addon.js'
import type { Slot } from '../architecture/spec.js'
import { expected } from '../check.js'
import { type Decision, weightSources } from '../checkpoint/decision.js'
import { parseLayerSlot } from '../checkpoint/structure.js'
import { blockOf, inOrders, inputsMove } from './orders.js'
import type { PermutationOutcome, StepContext, StepOutcome } from './pattern.js'
import type { NmStep } from './recipe-types.js'
import type { ScopedWeight } from './scope.js'
import { solvesAsItChooses } from './scores.js'
import { bitsBefore } from './selection.js'
import type { WeightStep } from './weight-step.js'

type NOfM = Extract<SelectRequest['pattern'], { kind: 'nm' }>

/** `permute`, where it is asked for. @throws TypeError where it is no boolean, or can do nothing */
export function checkPermute(
  at: string,
  { permute }: Readonly<Record<string, unknown>>,
  { score, reverse, slots }: Omit<NmStep, 'pattern'>,
): { permute?: true } {
  if (permute === undefined || permute === false) return {}
  const refuse = (wanted: string, fix?: string) =>
    new TypeError(expected(`${at}.permute`, wanted, permute, fix))
  if (permute !== true) throw refuse('true or false')
  if (score === 'random' || reverse) throw refuse('absent in a control', 'Its order is not to be served.')
  if (!slots.includes('attentionOutput') && !slots.includes('ffnOut')) {
    throw refuse('absent without the slots attentionOutput and ffnOut', 'No other inputs can change places.')
  }
  return { permute: true }
}

/** Whether a step permutes the inputs of a weight. */
export function permutes(
  { base }: Pick<StepContext, 'base'>,
  step: WeightStep,
  pattern: SelectRequest['pattern'],
  { slot }: ScopedWeight,
): pattern is NOfM {
  const asked = pattern.kind === 'nm' && 'permute' in step && step.permute === true
  return asked && inputsMove(slot) && (isOfNeurons(slot) || base.headSize % pattern.m === 0)
}

/** An order of a weight's inputs under which more of the score stays. One that solves as it chooses has none before: it takes Wanda's. */
export async function orderFor(
  context: StepContext,
  { score }: WeightStep,
  { n, m }: NOfM,
  weight: ScopedWeight,
  moments?: MomentsHandle,
): Promise<{ readonly order: Int32Array; readonly outcome: PermutationOutcome }> {
  const { base, slots, decision, threads, signal } = context
  const { slot } = weight
  const bits = bitsBefore(context, weight)
  const source = weightSources(slots, base, decision, 'mask').get(slot)!
  const request = {
    ...{ weight: { ...source, ...(bits && { bits }) }, n, m, threads },
    ...{ score: solvesAsItChooses(score) ? 'wanda' : score, ...(moments && { moments }) },
    // Whole groups; of neurons all that there are.
    block: Math.ceil(blockOf(base, slot) / m) * m,
  }
  const found = await native((control) => addon().findPermutation(request, control), { signal })
  const { order, before, after, best } = found
  const efficacy =
    best > before ? { efficacy: Math.min(1, Math.max(0, (after - before) / (best - before))) } : {}
  return { order, outcome: { slot, kept: { before, after }, ...efficacy } }
}

function isOfNeurons(slot: Slot): boolean {
  return parseLayerSlot(slot)!.linear === 'ffnOut'
}

/** All orders of a step whose score reads weights alone, and the decision in them. */
export async function permuteFirst(
  context: StepContext,
  step: WeightStep,
  pattern: SelectRequest['pattern'],
  scope: readonly ScopedWeight[],
): Promise<{ readonly decision: Decision; readonly outcomes: readonly PermutationOutcome[] }> {
  checkUnmasked(context, step, pattern, scope)
  const orders = new Map<string, Int32Array>()
  const outcomes: PermutationOutcome[] = []
  for (const weight of scope) {
    if (!permutes(context, step, pattern, weight)) continue
    const { order, outcome } = await orderFor(context, step, pattern, weight)
    orders.set(weight.slot, order)
    outcomes.push(outcome)
  }
  return { decision: await inOrders(context, context.decision, orders), outcomes }
}

/** @throws RangeError where a matrix whose inputs would move has a mask, whose pattern would be lost */
export function checkUnmasked(
  context: StepContext,
  step: WeightStep,
  pattern: SelectRequest['pattern'],
  scope: readonly ScopedWeight[],
): void {
  const masked = scope.find(
    (weight) => permutes(context, step, pattern, weight) && context.decision.masks.has(weight.slot),
  )
  if (masked === undefined) return
  throw new RangeError(
    `Expected \`permute\` to be absent where an earlier step has masked ${masked.slot}, whose inputs would change places. Permute in the first step over it.`,
  )
}

/** What a step's report says of its orders. */
export function withPermutations(
  context: StepContext,
  step: WeightStep,
  pattern: SelectRequest['pattern'],
  { decision, report }: StepOutcome,
  outcomes: readonly PermutationOutcome[],
): StepOutcome {
  if (pattern.kind !== 'nm' || !('permute' in step)) return { decision, report }
  const { headSize } = context.base
  const note = `Values keep their places: heads of ${headSize} are not whole groups of ${pattern.m}.`
  const stuck = headSize % pattern.m !== 0 && step.slots.includes('attentionOutput')
  const notes = [...(report.notes ?? []), ...(stuck ? [note] : [])]
  return {
    decision,
    report: { ...report, permutations: outcomes, ...(notes.length > 0 && { notes }) },
  }
}

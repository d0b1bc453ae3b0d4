import type { SelectRequest, SparseGptRequest, UpdateResult } from '../../binding.js'
import { addon, native } from '../addon.js'
import { type LinearSlot, linearSlots, type Slot } from '../architecture/spec.js'
import { type Decision, weightSources } from '../checkpoint/decision.js'
import { parseLayerSlot, structureOf } from '../checkpoint/structure.js'
import { countBits, elementsOf } from './bits.js'
import type { Stop } from './layer-stops.js'
import type { LinearOutcome, StepContext } from './pattern.js'
import type { WeightUpdate } from './recipe-types.js'
import type { ScopedWeight } from './scope.js'
import { bitsBefore } from './selection.js'
import type { WeightStep } from './weight-step.js'

/** Columns for which SparseGPT makes one choice: what its paper uses. */
const block = 128

export type Changed = {
  readonly decision: Decision
  readonly outcome: LinearOutcome
  /** Weights that went, and inputs of a row behind the last whole group: of what chooses too. */
  readonly removed: number
  readonly tail?: number
}

/** What changes one linear: its weight's slot, and what is known of its inputs. */
export type Linear = { readonly weight: ScopedWeight; readonly stop: Stop }

/** New numbers for the weights of a linear that stay, and for its bias. */
export async function updateLinear(
  context: StepContext,
  decision: Decision,
  step: WeightUpdate,
  linear: Linear,
): Promise<Changed> {
  const { damping, outcome } = settings(context, step, linear)
  const request = {
    ...asStored(context, decision, linear),
    update: step.update as 'bias' | 'refit',
    damping,
  }
  const result = await native((control) => addon().updateWeights(request, control), {
    signal: context.signal,
  })
  // Where only biases change a plan need not hold the weights.
  const next = withValues(decision, linear, step.update === 'bias' ? { bias: result.bias } : result)
  return { decision: next, outcome: { ...outcome, ...found(step, damping, result) }, removed: 0 }
}

/** Chooses by solving; the numbers that this gives are kept where the score is `sparsegpt`. */
export async function solveLinear(
  context: StepContext,
  decision: Decision,
  step: WeightStep,
  pattern: SelectRequest['pattern'],
  linear: Linear,
): Promise<Changed> {
  const { damping, outcome } = settings(context, step, linear)
  const sources = asStored(context, decision, linear)
  const { columns } = structureOf(context.base, decision, linear.weight.slot)
  // Groups run over the inputs that are left; the others are zeros already.
  const weight = { ...sources.weight, ...(columns && { columns }) }
  const request: SparseGptRequest = { ...sources, weight, pattern, block, damping }
  const result = await native((control) => addon().sparseGpt(request, control), { signal: context.signal })
  const masks = new Map(decision.masks).set(linear.weight.slot, result.bits)
  const { bits: before, shape } = sources.weight
  const removed = (before === undefined ? elementsOf(shape) : countBits(before)) - result.kept
  const { tail } = result
  const chosen = { ...decision, masks }
  if (step.score !== 'sparsegpt') return { decision: chosen, outcome, removed, tail }
  const next = withValues(chosen, linear, result)
  return { decision: next, outcome: { ...outcome, ...found(step, damping, result) }, removed, tail }
}

/** Of a linear that only its score was chosen for. */
export function scoredLinear(context: StepContext, linear: Linear): LinearOutcome {
  return { slot: linear.weight.slot, tokensPerColumn: linear.stop.tokens / columnsOf(context, linear.weight) }
}

/** What a solver reads: everything that is gone as bits, and which rows are there. */
export function asStored(context: StepContext, decision: Decision, { weight, stop }: Linear) {
  const { slots, base, threads } = context
  const sources = weightSources(slots, base, decision, 'mask')
  const bits = bitsBefore({ base, decision }, weight)
  const { columns: _, ...source } = sources.get(weight.slot)!
  return {
    weight: { ...source, ...(bits && { bits }) },
    bias: sources.get(biasOf(weight.slot))!,
    moments: stop.moments,
    targetRow: targetRow(context, weight.slot),
    threads,
  }
}

/** Where a linear's rows begin among those of its stage: query, key and value lie one below the other. */
function targetRow({ slots }: StepContext, slot: Slot): number {
  const { weights, linear } = parseLayerSlot(slot)!
  const place = linearSlots.indexOf(linear as LinearSlot)
  const before: readonly LinearSlot[] = place < 3 ? linearSlots.slice(0, place) : []
  return before.reduce((sum, name) => sum + slots.get(`layers.${weights}.${name}.weight`)!.shape[0]!, 0)
}

/**
 * The fewer tokens there are for each input, the more least squares believe in chance. Held-out errors of MiniLM's
 * linears are lowest near this line, from 0.7 to 20 tokens for each input.
 */
export function dampingFor(tokensPerColumn: number): number {
  return Math.min(1, Math.max(0.01, 0.2 / tokensPerColumn))
}

function settings(context: StepContext, { damping }: WeightUpdate, linear: Linear) {
  const outcome = scoredLinear(context, linear)
  return { damping: typeof damping === 'number' ? damping : dampingFor(outcome.tokensPerColumn), outcome }
}

/** Inputs that are there. */
function columnsOf({ base, decision, slots }: StepContext, { slot }: ScopedWeight): number {
  return Math.max(1, structureOf(base, decision, slot).columns?.length ?? slots.get(slot)!.shape[1]!)
}

function found({ update }: WeightUpdate, damping: number, { errors, unchangedRows }: UpdateResult) {
  return {
    // Of outputs that are zero everywhere no share can be told.
    ...(Number.isFinite(errors.masked + errors.updated) && { errors }),
    ...(update !== 'bias' && { damping }),
    ...(unchangedRows > 0 && { unchangedRows }),
  }
}

function withValues(
  decision: Decision,
  { weight: { slot } }: Linear,
  numbers: { readonly weight?: Uint8Array; readonly bias: Uint8Array },
): Decision {
  const values = new Map(decision.values).set(biasOf(slot), numbers.bias)
  if (numbers.weight !== undefined) values.set(slot, numbers.weight)
  return { ...decision, values }
}

function biasOf(slot: Slot): Slot {
  return slot.replace(/weight$/, 'bias')
}

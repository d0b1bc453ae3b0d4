import type { Addon, SelectRequest, WeightSource } from '../../binding.js'
import { addon, native } from '../addon.js'
import type { Slot } from '../architecture/spec.js'
import { type Decision, weightSources } from '../checkpoint/decision.js'
import { structureOf } from '../checkpoint/structure.js'
import { type Bits, clearOutside, countBits, elementsOf, keptBits } from './bits.js'
import type { StepContext, StepOutcome } from './pattern.js'
import type { ScopedWeight } from './scope.js'
import type { ScoreName } from './scores.js'

/** Bits of each matrix in scope before and after a step, and N:M's columns behind the last whole group. */
export type Selection = {
  readonly before: readonly Bits[]
  readonly after: readonly Bits[]
  readonly tails: readonly number[]
}

/** Bits of a weight that masks, heads and neurons leave, over its stored shape. */
export function currentBits({ base, decision }: StepContext, { slot, stored }: ScopedWeight): Bits {
  const bits = keptBits(elementsOf(stored.shape), decision.masks.get(slot))
  return clearOutside(bits, stored.shape, structureOf(base, decision, slot))
}

/** One native pass over all matrices of a step: what is gone already goes first. */
export async function selectInScope(
  context: StepContext,
  scope: readonly ScopedWeight[],
  score: ScoreName,
  pattern: SelectRequest['pattern'],
): Promise<Selection> {
  const before = scope.map((weight) => currentBits(context, weight))
  if (scope.length === 0) return { before, after: [], tails: [] }
  const sources = weightSources(context.slots, context.base, context.decision, 'mask')
  const weights = scope.map(({ slot }, index) => ({ ...sources.get(slot)!, bits: before[index]! }))
  const { bits, tails } = await select(context, weights, score, pattern)
  const after = bits.map((chosen, index) => keptBits(elementsOf(scope[index]!.stored.shape), chosen))
  return { before, after, tails }
}

/** The outcome of a step over weights. */
export function withMasks(
  { decision }: StepContext,
  scope: readonly ScopedWeight[],
  { before, after }: Selection,
  pattern: string,
): StepOutcome {
  const masks = new Map<Slot, Bits>(decision.masks)
  for (const [index, { slot }] of scope.entries()) masks.set(slot, after[index]!)
  const next: Decision = { ...decision, masks }
  const of = scope.reduce((total, { stored }) => total + elementsOf(stored.shape), 0)
  const removed = total(before) - total(after)
  return { decision: next, report: { pattern, unit: 'weights', of, removed } }
}

async function select(
  { seed, stream, signal, onProgress }: StepContext,
  weights: WeightSource[],
  score: ScoreName,
  pattern: SelectRequest['pattern'],
): ReturnType<Addon['selectWeights']> {
  const request: SelectRequest = { weights, score, seed, stream, pattern }
  return native((control) => addon().selectWeights(request, control), { signal, onProgress })
}

function total(list: readonly Bits[]): number {
  return list.reduce((sum, bits) => sum + countBits(bits), 0)
}

import type { MomentsHandle, SelectRequest } from '../../binding.js'
import { addon, native } from '../addon.js'
import type { Slot } from '../architecture/spec.js'
import { type Decision, weightSources } from '../checkpoint/decision.js'
import { structureOf } from '../checkpoint/structure.js'
import { type Bits, clearOutside, countBits, elementsOf, keptBits } from './bits.js'
import type { StepContext, StepOutcome } from './pattern.js'
import type { ScopedWeight } from './scope.js'
import type { WeightScoreName } from './scores.js'

/** What a step leaves of each matrix in scope. */
export type Selection = {
  readonly bits: readonly Bits[]
  /** Weights that go, of all matrices together. */
  readonly removed: number
  /** N:M's columns behind the last whole group. */
  readonly tails: readonly number[]
}

/** What goes first. */
export type Ranking = { readonly score: WeightScoreName; readonly reverse?: boolean }

/**
 * One native pass over matrices of a step: what is gone already goes first.
 * @param moments of each matrix' inputs, where the score reads them
 */
export async function selectInScope(
  context: StepContext,
  scope: readonly ScopedWeight[],
  { score, reverse = false }: Ranking,
  pattern: SelectRequest['pattern'],
  moments?: readonly MomentsHandle[],
): Promise<Selection> {
  if (scope.length === 0) return { bits: [], removed: 0, tails: [] }
  const before = scope.map((weight) => bitsBefore(context, weight))
  const sources = weightSources(context.slots, context.base, context.decision, 'mask')
  const weights = scope.map(({ slot }, index) => {
    const bits = before[index]
    return { ...sources.get(slot)!, ...(bits && { bits }) }
  })
  const { seed, stream, signal, onProgress } = context
  const request: SelectRequest = {
    ...{ weights, score, reverse, seed, stream, pattern },
    ...(moments && { moments: [...moments] }),
  }
  const { bits, kept, tails } = await native((control) => addon().selectWeights(request, control), {
    signal,
    onProgress,
  })
  const were = scope.map(({ stored }, index) => {
    const some = before[index]
    return some === undefined ? elementsOf(stored.shape) : countBits(some)
  })
  return { bits, removed: sum(were) - sum(kept), tails }
}

/** The outcome of a step over weights. */
export function withMasks(
  { decision }: StepContext,
  scope: readonly ScopedWeight[],
  { bits, removed, tails }: Selection,
  pattern: string,
): StepOutcome {
  const masks = new Map<Slot, Bits>(decision.masks)
  for (const [index, { slot }] of scope.entries()) masks.set(slot, bits[index]!)
  const next: Decision = { ...decision, masks }
  const of = sum(scope.map(({ stored }) => elementsOf(stored.shape)))
  const report = { pattern, unit: 'weights', of, removed } as const
  if (pattern === 'unstructured') return { decision: next, report }
  const long = scope.map(({ slot }, index) => ({ slot, columns: tails[index]! }))
  return { decision: next, report: { ...report, tails: long.filter(({ columns }) => columns > 0) } }
}

/** What masks, heads and neurons leave of a weight, over its stored shape; nothing where that is all of it. */
export function bitsBefore(
  { base, decision }: Pick<StepContext, 'base' | 'decision'>,
  { slot, stored }: ScopedWeight,
): Bits | undefined {
  const mask = decision.masks.get(slot)
  const structure = structureOf(base, decision, slot)
  if (mask === undefined && structure.rows === undefined && structure.columns === undefined) return undefined
  return clearOutside(keptBits(elementsOf(stored.shape), mask), stored.shape, structure)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

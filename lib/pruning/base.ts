import { basename, resolve } from 'node:path'
import { type LayerSpec, linearSlots, type Slot } from '../architecture/spec.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import type { Decision } from '../checkpoint/decision.js'
import type { StoredTensor } from '../checkpoint/stored.js'
import { keptWeightSets, parseLayerSlot, structureOf } from '../checkpoint/structure.js'
import { type Bits, clearOutside, elementsOf, keptBits } from './bits.js'

/** A stored tensor: slots of the same name are tied. Plan files of version 1 say nothing of its dtype. */
export type SlotShape = {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype?: StoredTensor['dtype']
}

/** What a plan knows of the checkpoint that it was made for, without its weights. */
export type PlanBase = {
  readonly name: string
  /** `Checkpoint.hash()`. */
  readonly hash: string
  readonly architecture: string
  readonly headSize: number
  readonly originalHeads: number
  readonly layers: readonly LayerSpec[]
  readonly slots: ReadonlyMap<Slot, SlotShape>
}

/** @throws TwofourError FILE_CHANGED; `signal.reason` */
export async function describeBase(
  checkpoint: Checkpoint,
  signal: AbortSignal | undefined,
): Promise<PlanBase> {
  const hash = await checkpoint.hash(signal === undefined ? {} : { signal })
  return { hash, ...shapeOf(checkpoint) }
}

/** A base without its hash: nothing is read. */
export function shapeOf({ root, architecture, base, slots }: Checkpoint): Omit<PlanBase, 'hash'> {
  const { headSize, originalHeads, layers } = base
  const shapes = [...slots].map(([slot, { name, shape, dtype }]) => [slot, { name, shape, dtype }] as const)
  const name = basename(resolve(root)) || root
  return { name, architecture, headSize, originalHeads, layers, slots: new Map(shapes) }
}

/** The slots that masks may be about: the linears of the layers, and the word embeddings. */
export function prunableSlots({ slots }: Pick<PlanBase, 'slots'>): Slot[] {
  const linears: readonly string[] = linearSlots
  return [...slots.keys()].filter((slot) => {
    const place = parseLayerSlot(slot)
    if (place === null) return slot === 'wordEmbeddings'
    return place.part === 'weight' && linears.includes(place.linear)
  })
}

/** The slots that may have new numbers: weights and biases of the layers' linears. */
export function changeableSlots({ slots }: Pick<PlanBase, 'slots'>): Slot[] {
  const linears: readonly string[] = linearSlots
  return [...slots.keys()].filter((slot) => linears.includes(parseLayerSlot(slot)?.linear ?? ''))
}

/** Whether no kept layer reads a slot any more. */
export function isDropped(
  base: Pick<PlanBase, 'headSize' | 'layers'>,
  decision: Decision,
  slot: Slot,
): boolean {
  const place = parseLayerSlot(slot)
  return place !== null && !keptWeightSets(base, decision).has(place.weights)
}

/** Bits that mask, heads and neurons leave of a slot, over its stored shape; null: all, nothing was decided. */
export function decidedBits(base: Omit<PlanBase, 'hash'>, decision: Decision, slot: Slot): Bits | null {
  const mask = decision.masks.get(slot)
  const structure = structureOf(base, decision, slot)
  if (mask === undefined && structure.rows === undefined && structure.columns === undefined) return null
  const { shape } = base.slots.get(slot)!
  return clearOutside(keptBits(elementsOf(shape), mask), shape, structure)
}

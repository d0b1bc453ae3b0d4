import type { WeightSource } from '../../binding.js'
import type { EncoderSpec, LayerSpec, Slot } from '../architecture/spec.js'
import type { Checkpoint } from './checkpoint.js'
import type { StoredTensor } from './stored.js'
import { keptWeightSets, parseLayerSlot, structureOf } from './structure.js'

/**
 * What pruning has decided about a checkpoint, in the coordinates of the stored base: nothing is computed or
 * copied until weights are read. A `Plan` is a decision with its provenance.
 */
export type Decision = {
  /** Kept layer applications: ascending indices into the base spec's `layers`. */
  readonly layers: readonly number[]
  /** Weight set → kept heads, ascending original head indices (as in `LayerSpec.heads`). Absent: all. */
  readonly heads: ReadonlyMap<number, readonly number[]>
  /** Weight set → kept neurons, ascending. Absent: all. */
  readonly neurons: ReadonlyMap<number, Int32Array>
  /** Slot of a weight → kept bits over its stored shape, row-major, lowest bit first. Absent: all. */
  readonly masks: ReadonlyMap<Slot, Uint8Array>
  /**
   * Slot of a linear's weight or bias → its new numbers, before masks, heads and neurons: in the dtype and shape of the
   * stored tensor. Absent: as stored.
   */
  readonly values: ReadonlyMap<Slot, Uint8Array>
  /**
   * Slot of an `attentionOutput` or `ffnOut` weight → where its inputs, and the rows that make them, stand in the stored
   * base: place i holds number order[i]. Masks and values are in this order already. Absent: as stored.
   */
  readonly orders?: ReadonlyMap<Slot, Int32Array>
  /** How it came about, from the room that decided. */
  readonly history?: History
}

/** One call of `prune`: what was asked, and what each step did. Plain data. */
export type Pass = {
  readonly recipe: { readonly seed: number; readonly steps: readonly object[] }
  readonly steps: readonly object[]
}

export type History = {
  /** The oldest first. */
  readonly passes: readonly Pass[]
  /** What was done, as plain data for `pruning.json`. @throws TwofourError FILE_CHANGED; `signal.reason` */
  readonly describe: (
    checkpoint: Checkpoint,
    signal: AbortSignal | undefined,
  ) => Promise<Record<string, unknown>>
}

/**
 * `remove`: heads and neurons are physically gone. `mask`: every matrix keeps its shape and holds zeros. Layers are
 * gone in both: behind a LayerNorm no zeros make a layer the identity.
 */
export type Form = 'remove' | 'mask'

/** What of a base decides where its heads and neurons lie. */
export type BaseShape = Pick<EncoderSpec, 'headSize' | 'layers'>

/** The decision that keeps everything. */
export function nothingDecided(base: BaseShape): Decision {
  return {
    layers: base.layers.map((_, index) => index),
    heads: new Map(),
    neurons: new Map(),
    masks: new Map(),
    values: new Map(),
  }
}

/** The spec that goes with `weightSources` of the same form. Weight sets keep their numbers. */
export function specOf(base: EncoderSpec, decision: Decision | null, form: Form = 'remove'): EncoderSpec {
  if (decision === null) return base
  const layers = decision.layers.map((index) => {
    const layer = base.layers[index]!
    return form === 'mask' ? layer : shrunk(layer, decision)
  })
  // Removing single applications of a group leaves no whole states to report.
  const whole = layers.length % base.layersPerState === 0
  return { ...base, layers, layersPerState: whole ? base.layersPerState : 1 }
}

/**
 * For each slot that a kept layer reads (or that belongs to no layer) where its bytes are and what is left of them.
 * Slots that share a stored tensor share its mask and its new numbers.
 */
export function weightSources(
  slots: ReadonlyMap<Slot, StoredTensor>,
  base: BaseShape,
  decision: Decision | null,
  form: Form,
): Map<Slot, WeightSource> {
  const sources = new Map<Slot, WeightSource>()
  const masks = byTensor(slots, decision?.masks)
  const values = byTensor(slots, decision?.values)
  const read = keptWeightSets(base, decision)
  for (const [slot, stored] of slots) {
    const layer = parseLayerSlot(slot)
    if (layer !== null && !read.has(layer.weights)) continue
    const key = keyOf(stored)
    const bits = masks.get(key)
    const structure = decision === null ? {} : structureOf(base, decision, slot)
    sources.set(slot, { ...sourceOf(stored, values.get(key)), ...(bits && { bits }), ...structure, form })
  }
  return sources
}

/** A stored tensor's identity: two slots with the same key are tied. */
export function keyOf(stored: Pick<StoredTensor, 'file' | 'name'>): string {
  return `${stored.file}\n${stored.name}`
}

function shrunk(layer: LayerSpec, { heads, neurons }: Decision): LayerSpec {
  return {
    weights: layer.weights,
    heads: heads.get(layer.weights) ?? layer.heads,
    inner: neurons.get(layer.weights)?.length ?? layer.inner,
  }
}

function byTensor(
  slots: ReadonlyMap<Slot, StoredTensor>,
  decided: ReadonlyMap<Slot, Uint8Array> | undefined,
): Map<string, Uint8Array> {
  const tensors = new Map<string, Uint8Array>()
  for (const [slot, bytes] of decided ?? []) {
    const stored = slots.get(slot)
    if (stored !== undefined) tensors.set(keyOf(stored), bytes)
  }
  return tensors
}

function sourceOf(stored: StoredTensor, values: Uint8Array | undefined): WeightSource {
  const { name, dtype, shape, file, begin, fileSize } = stored
  const bytes = values === undefined ? { path: file, begin, fileSize } : { data: values }
  return { name, dtype, shape: [...shape], ...bytes }
}

import type { LayerSpec, Slot } from '../architecture/spec.js'
import type { BaseShape, Decision } from './decision.js'

/** Kept indices of a stored tensor's first and second dimension, ascending; absent: all. */
export type Structure = { readonly rows?: Int32Array; readonly columns?: Int32Array }

/** Which rows and columns of a slot's stored tensor the kept heads and neurons leave. */
export function structureOf(base: BaseShape, decision: Decision, slot: Slot): Structure {
  const place = parseLayerSlot(slot)
  if (place === null) return {}
  const { weights, linear, part } = place
  if (linear === 'query' || linear === 'key' || linear === 'value')
    return rowsOnly(keptHeadRows(base, decision, weights))
  if (linear === 'ffnIn') return rowsOnly(decision.neurons.get(weights))
  if (part === 'bias') return {}
  if (linear === 'attentionOutput') return columnsOnly(keptHeadRows(base, decision, weights))
  return linear === 'ffnOut' ? columnsOnly(decision.neurons.get(weights)) : {}
}

/** Weight sets that kept layers read, ascending. */
export function keptWeightSets(base: BaseShape, decision: Decision | null): Set<number> {
  const layers = decision === null ? base.layers : decision.layers.map((index) => base.layers[index]!)
  return new Set(layers.map(({ weights }) => weights).sort((a, b) => a - b))
}

/** The first layer that reads a weight set: all that do have the same heads and neurons. */
export function layerOfSet(base: BaseShape, weights: number): LayerSpec {
  return base.layers.find((layer) => layer.weights === weights)!
}

/** Heads of a weight set that are left, as original indices. */
export function keptHeads(base: BaseShape, decision: Decision, weights: number): readonly number[] {
  return decision.heads.get(weights) ?? layerOfSet(base, weights).heads
}

/** Number of neurons of a weight set that are left. */
export function keptInner(base: BaseShape, decision: Decision, weights: number): number {
  return decision.neurons.get(weights)?.length ?? layerOfSet(base, weights).inner
}

/** A slot of a layer in its parts, or null for slots outside the layers. */
export function parseLayerSlot(
  slot: Slot,
): { weights: number; linear: string; part: 'weight' | 'bias' } | null {
  const match = /^layers\.(\d+)\.(\w+)\.(weight|bias)$/.exec(slot)
  if (match === null) return null
  return { weights: Number(match[1]), linear: match[2]!, part: match[3] as 'weight' | 'bias' }
}

function keptHeadRows(base: BaseShape, decision: Decision, weights: number): Int32Array | undefined {
  const kept = decision.heads.get(weights)
  if (kept === undefined) return undefined
  const stored = layerOfSet(base, weights).heads
  const { headSize } = base
  return Int32Array.from(
    kept.flatMap((head) => Array.from({ length: headSize }, (_, i) => stored.indexOf(head) * headSize + i)),
  )
}

function rowsOnly(rows: Int32Array | undefined): Structure {
  return rows === undefined ? {} : { rows }
}

function columnsOnly(columns: Int32Array | undefined): Structure {
  return columns === undefined ? {} : { columns }
}

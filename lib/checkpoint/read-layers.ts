import type { Family } from '../architecture/family.js'
import type { EncoderSpec, LayerSpec } from '../architecture/spec.js'
import { isJsonObject } from '../json-file.js'
import type { Config } from './config.js'
import { readRemoved } from './removed.js'

/** What config.json says of sizes, before any list is made of them. */
export type Sizes = {
  readonly hidden: number
  readonly heads: number
  readonly inner: number
  /** Layers as `num_hidden_layers` counts them; ALBERT applies `innerGroups` weight sets in each. */
  readonly layers: number
  /** Weight sets that the checkpoint should have. */
  readonly sets: number
  readonly groups: number
  readonly innerGroups: number
}

export type Layers = Pick<EncoderSpec, 'headSize' | 'layers' | 'layersPerState'>

/** Applications of a layer; the deepest published encoders have 48. */
export const maxLayers = 4096

/** @throws TwofourError CHECKPOINT_INVALID_CONFIG */
export function readSizes(family: Family, config: Config): Sizes {
  const table = family.config
  // Compared with the weights that are there, so every number gets the answer that names both.
  const layers = config.size(
    table.layers,
    config.get('twofour') === undefined ? 1 : 0,
    Number.MAX_SAFE_INTEGER,
  )
  const groups = table.groups === null ? layers : config.size(table.groups)
  const innerGroups = table.innerGroups === null ? 1 : config.size(table.innerGroups)
  const hidden = config.size(table.hidden, 1, 1 << 20)
  const heads = config.size(table.heads, 1, 1 << 10)
  const inner = config.size(table.inner, 1, 1 << 24)
  return { hidden, heads, inner, layers, groups, innerGroups, sets: groups * innerGroups }
}

/**
 * Refuses numbers of layers that the weights cannot have, before lists of that length are made.
 * @param present weight sets that are there
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG
 */
export function checkPlausible(family: Family, config: Config, sizes: Sizes, present: number): void {
  const { layers, groups, innerGroups, sets } = sizes
  // A few absent layers are better told by the names of their tensors.
  if (layers * innerGroups <= maxLayers && sets <= maxLayers) return

  const table = family.config
  const counts = [
    [table.layers, layers],
    [table.groups, groups],
    [table.innerGroups, innerGroups],
  ] as const
  const [field, value] = counts.toSorted(([, a], [, b]) => b - a).find(([name]) => name !== null)!
  const wanted = `plausible beside the weights, which hold ${present} ${present === 1 ? 'layer' : 'layers'}`
  throw config.refusal(config.spelling(field?.[0] ?? table.layers[0]), wanted, value)
}

/** @throws TwofourError CHECKPOINT_INVALID_CONFIG, CHECKPOINT_UNSUPPORTED */
export function readLayers(family: Family, config: Config, sizes: Sizes): Layers {
  const removed = readRemoved(config, sizes)
  if (removed !== null) return removed

  const { hidden, heads, innerGroups } = sizes
  if (hidden % heads !== 0) {
    const [field, other] = [family.config.hidden, family.config.heads].map(([name]) => config.spelling(name))
    throw config.refusal(field!, `divisible by \`${other}\` (${heads})`, hidden)
  }
  return { headSize: hidden / heads, layers: [...applications(config, sizes)], layersPerState: innerGroups }
}

function* applications(
  config: Config,
  { layers, groups, innerGroups, heads, inner, sets }: Sizes,
): Generator<LayerSpec> {
  const all = Array.from({ length: heads }, (_, head) => head)
  const pruned = readPrunedHeads(config, sets, heads)
  for (let layer = 0; layer < layers; layer++) {
    const group = Math.floor(layer / (layers / groups))
    for (let at = 0; at < innerGroups; at++) {
      const weights = group * innerGroups + at
      const gone = pruned.get(weights)
      yield { weights, heads: gone === undefined ? all : all.filter((head) => !gone.has(head)), inner }
    }
  }
}

/** `pruned_heads` of transformers 4: weight set → heads that are not in the weights any more. */
function readPrunedHeads(config: Config, sets: number, heads: number): Map<number, Set<number>> {
  const field = 'pruned_heads'
  const value = config.get(field) ?? {}
  if (!isJsonObject(value)) throw config.refusal(field, 'an object of lists of heads', value)

  const pruned = new Map<number, Set<number>>()
  for (const [key, list] of Object.entries(value)) {
    const set = /^\d{1,9}$/.test(key) ? Number(key) : Number.NaN
    if (!(set < sets)) throw config.refusal(field, `an object whose keys are layers below ${sets}`, key)
    if (!Array.isArray(list)) throw config.refusal(`${field}.${key}`, 'a list of heads', list)
    for (const [at, head] of list.entries()) config.checkSize(`${field}.${key}[${at}]`, head, 0, heads - 1)
    pruned.set(set, new Set(list))
  }
  return pruned
}

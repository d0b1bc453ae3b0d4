import type { WeightSource } from '../../binding.js'
import { familyOf } from '../architecture/families.js'
import type { Family, LayerPart } from '../architecture/family.js'
import type { EncoderSpec, Slot } from '../architecture/spec.js'
import type { Checkpoint } from './checkpoint.js'
import { type Form, keyOf, specOf, weightSources } from './decision.js'
import type { TensorLabel } from './safetensors-layout.js'
import type { StoredTensor } from './stored.js'
import { parseLayerSlot } from './structure.js'

/** A tensor of the new file, and where its bytes come from. */
export type SavedTensor = TensorLabel & { readonly source: WeightSource }

type Decided = Pick<Checkpoint, 'architecture' | 'base' | 'slots' | 'decision'>

/** The spec of what is written: weight sets have the numbers of the new file's names. */
export function savedSpec({ architecture, base, decision }: Decided, form: Form): EncoderSpec {
  const spec = specOf(base, decision, form)
  const numbers = setNumbers(spec, familyOf(architecture)!)
  return { ...spec, layers: spec.layers.map((layer) => ({ ...layer, weights: numbers.get(layer.weights)! })) }
}

/** The tensors to write, under the names of the base; tied ones once, weight sets that nothing reads left out. */
export function savedTensors({ architecture, base, slots, decision }: Decided, form: Form): SavedTensor[] {
  const family = familyOf(architecture)!
  const numbers = setNumbers(specOf(base, decision, form), family)
  const tensors = new Map<string, SavedTensor>()
  for (const [slot, source] of weightSources(slots, base, decision, form)) {
    const stored = slots.get(slot)!
    const name = renamed(slot, stored, numbers, family)
    tensors.set(keyOf(stored), { name, dtype: stored.dtype, shape: shapeOf(source), source })
  }
  return [...tensors.values()]
}

/** Old number of a weight set → new one. Families with a set for each layer count the layers that are there. */
function setNumbers({ layers }: EncoderSpec, family: Family): Map<number, number> {
  const shared = family.config.groups !== null
  return new Map(layers.map(({ weights }, at) => [weights, shared ? weights : at]))
}

function renamed(
  slot: Slot,
  { name }: StoredTensor,
  numbers: ReadonlyMap<number, number>,
  family: Family,
): string {
  const place = parseLayerSlot(slot)
  if (place === null) return name
  const stem = family.tensors.layers[place.linear as LayerPart]
  const withSet = (set: number) => stem.replace('{layer}', `${set}`)
  return name.replace(`${withSet(place.weights)}.`, `${withSet(numbers.get(place.weights)!)}.`)
}

function shapeOf({ shape, rows, columns, form }: WeightSource): number[] {
  if (form === 'mask') return shape
  return shape.map((size, axis) => (axis === 0 ? rows?.length : columns?.length) ?? size)
}

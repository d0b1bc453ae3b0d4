import { type LayerSpec, linearSlots, type Slot } from '../architecture/spec.js'
import { checkInteger, checkKeys, checkOneOf, checkString, expected } from '../check.js'
import { storedDtypes } from '../checkpoint/stored.js'
import type { PlanBase, SlotShape } from './base.js'
import { elementsOf } from './bits.js'
import { checkAscending, checkEntries, checkList } from './json-lists.js'

const largest = 2 ** 31 - 1

/**
 * What a plan says of its base, checked against itself: heads and neurons are rows and columns that are there.
 * @throws TypeError, RangeError
 */
export function checkBase(value: unknown, version: 1 | 2): PlanBase {
  const what = 'plan.base'
  checkKeys(what, value, ['name', 'hash', 'architecture', 'headSize', 'originalHeads', 'layers', 'slots'])
  const hash = checkString(`${what}.hash`, value.hash)
  if (!/^[0-9a-f]{64}$/.test(hash))
    throw new RangeError(expected(`${what}.hash`, '64 hexadecimal digits', hash))
  const originalHeads = checkInteger(`${what}.originalHeads`, value.originalHeads, 1, 1 << 16)
  const layers = checkList(`${what}.layers`, value.layers).map((layer, at) =>
    checkLayer(`${what}.layers[${at}]`, layer, originalHeads),
  )
  const base = {
    name: checkString(`${what}.name`, value.name),
    hash,
    architecture: checkString(`${what}.architecture`, value.architecture),
    headSize: checkInteger(`${what}.headSize`, value.headSize, 1, 1 << 16),
    originalHeads,
    layers,
    slots: checkSlots(`${what}.slots`, value.slots, version),
  }
  for (const layer of layers) checkShapes(base, layer)
  return base
}

function checkLayer(what: string, value: unknown, originalHeads: number): LayerSpec {
  checkKeys(what, value, ['weights', 'heads', 'inner'])
  return {
    weights: checkInteger(`${what}.weights`, value.weights, 0, largest),
    heads: checkAscending(`${what}.heads`, value.heads, originalHeads - 1),
    inner: checkInteger(`${what}.inner`, value.inner, 0, largest),
  }
}

function checkSlots(what: string, value: unknown, version: 1 | 2): ReadonlyMap<Slot, SlotShape> {
  return new Map(
    checkEntries(what, value).map(([slot, tensor]) => {
      const place = `${what}[${slot}]`
      checkKeys(place, tensor, version === 1 ? ['name', 'shape'] : ['name', 'shape', 'dtype'])
      const shape = checkList(`${place}.shape`, tensor.shape).map((size, at) =>
        checkInteger(`${place}.shape[${at}]`, size, 0, largest),
      )
      checkInteger(`elements of ${place}`, elementsOf(shape))
      const name = checkString(`${place}.name`, tensor.name)
      if (version === 1) return [slot, { name, shape }]
      return [slot, { name, shape, dtype: checkOneOf(`${place}.dtype`, tensor.dtype, storedDtypes) }]
    }),
  )
}

/** Heads and neurons are rows and columns of these: without it an index could lie outside. */
function checkShapes({ slots, headSize, layers }: PlanBase, layer: LayerSpec): void {
  const first = layers.find(({ weights }) => weights === layer.weights)!
  const set = `layers.${layer.weights}`
  const attention = first.heads.length * headSize
  for (const slot of linearSlots) {
    const output = slot === 'attentionOutput' || slot === 'ffnOut'
    const size = slot.startsWith('ffn') ? layer.inner : attention
    const weight = slots.get(`${set}.${slot}.weight`)?.shape
    const bias = slots.get(`${set}.${slot}.bias`)?.shape
    const fits =
      weight?.length === 2 && bias?.length === 1 && bias[0] === weight[0] && weight[output ? 1 : 0] === size
    if (!fits || `${layer.heads}` !== `${first.heads}`) {
      throw new RangeError(
        expected(
          `plan.base.slots[${set}.${slot}.weight]`,
          `of ${size} ${output ? 'columns' : 'rows'}`,
          weight,
        ),
      )
    }
  }
}

import type { Cost } from '../cost/cost.js'
import type { Block, Kept } from './block.js'

type Unit = {
  readonly block: number
  readonly place: number
  readonly importance: number
  readonly cost: number
}

/** Units in the order in which they are kept, and what the first n of them cost and bring. */
type Order = { readonly units: readonly Unit[]; readonly costs: Float64Array; readonly values: Float64Array }

/**
 * The mask search of Kwon et al. 2022 (algorithm 1): for every number of heads the most important of all layers, and as
 * many of the most important neurons as there is budget left; the number that keeps the most importance. Where every
 * head costs the same and every neuron, nothing within the budget keeps more. Where weight sets are applied unequally
 * often, importance counts for its cost.
 * @param exactly so many heads
 * @returns undefined where nothing fits
 */
export function rankedSearch(
  blocks: readonly Block[],
  cost: Cost,
  limit: number,
  exactly: number | undefined,
): Kept | undefined {
  const heads = orderOf(blocks, cost, 'heads')
  const neurons = orderOf(blocks, cost, 'neurons')
  const room = limit - cost.fixed
  const [least, most] = exactly === undefined ? [0, heads.units.length] : [exactly, exactly]
  let best: { readonly heads: number; readonly neurons: number; readonly value: number } | undefined
  for (let count = least; count <= most; count++) {
    if (heads.costs[count]! > room) break
    const fitting = lastWithin(neurons.costs, room - heads.costs[count]!)
    const value = heads.values[count]! + neurons.values[fitting]!
    if (best === undefined || value >= best.value) best = { heads: count, neurons: fitting, value }
  }
  if (best === undefined) return undefined
  const kept = blocks.map(({ indices }) => new Uint8Array(indices.length))
  const stay = [...heads.units.slice(0, best.heads), ...neurons.units.slice(0, best.neurons)]
  for (const { block, place } of stay) kept[block]![place] = 1
  return kept
}

function orderOf(blocks: readonly Block[], cost: Cost, kind: Block['kind']): Order {
  const units = blocks.flatMap((block, at): Unit[] => {
    if (block.kind !== kind) return []
    const each = cost.of(block, 1)
    return Array.from(block.importance, (importance, place) => ({ block: at, place, importance, cost: each }))
  })
  units.sort(
    (a, b) => b.importance * a.cost - a.importance * b.cost || a.block - b.block || a.place - b.place,
  )
  const costs = new Float64Array(units.length + 1)
  const values = new Float64Array(units.length + 1)
  for (const [at, unit] of units.entries()) {
    costs[at + 1] = costs[at]! + unit.cost
    values[at + 1] = values[at]! + unit.importance
  }
  return { units, costs, values }
}

/** The last index of an ascending list whose number is not above `most`; the first is 0. */
function lastWithin(numbers: Float64Array, most: number): number {
  let [low, high] = [0, numbers.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (numbers[middle]! <= most) low = middle
    else high = middle - 1
  }
  return low
}

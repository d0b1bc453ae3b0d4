import type { Cost } from '../cost/cost.js'
import { type Block, byImportance, type Kept } from './block.js'
import { type Choice, chooseOneOfEach } from './one-of-each.js'

/** Numbers of neurons that are tried lie no nearer than this share of all. */
const finest = 192

type Option = Choice & { readonly count: number }

/**
 * The search for costs that are no multiples, as measured times: of each block the most important units stay, and how
 * many is chosen for all blocks together, none included. That keeps the most importance within the limit, up to a
 * ten-thousandth of it and to the numbers of neurons that are tried. (Kwon et al. 2022 fit a line and remove greedily.)
 * @param exactly so many heads: then the most important of all layers, and neurons in the time that is left
 * @returns undefined where nothing fits
 */
export function blockSearch(
  blocks: readonly Block[],
  cost: Cost,
  limit: number,
  exactly: number | undefined,
): Kept | undefined {
  const fixed = exactly === undefined ? undefined : headCounts(blocks, exactly)
  const options = blocks.map((block, at) => {
    const count = fixed?.get(at)
    return optionsOf(block, cost, count === undefined ? triedCounts(block) : [count])
  })
  const chosen = chooseOneOfEach(options, limit - cost.fixed)
  return chosen?.map((choice, at) => flagsOf(blocks[at]!, options[at]![choice]!.count))
}

function optionsOf(block: Block, cost: Cost, counts: readonly number[]): Option[] {
  const values = [0]
  for (const place of byImportance(block)) values.push(values.at(-1)! + block.importance[place]!)
  return counts.map((count) => ({ count, cost: cost.of(block, count), value: values[count]! }))
}

function triedCounts({ indices }: Block): number[] {
  const step = Math.max(1, Math.ceil(indices.length / finest))
  const counts = Array.from({ length: Math.floor(indices.length / step) + 1 }, (_, at) => at * step)
  return counts.at(-1) === indices.length ? counts : [...counts, indices.length]
}

/** Block → its heads among the most important of all. */
function headCounts(blocks: readonly Block[], exactly: number): Map<number, number> {
  const heads = blocks.flatMap(({ kind, importance }, at) =>
    kind === 'heads' ? Array.from(importance, (score, place) => ({ at, score, place })) : [],
  )
  heads.sort((a, b) => b.score - a.score || a.at - b.at || a.place - b.place)
  const counts = new Map(
    blocks.flatMap(({ kind }, at) => (kind === 'heads' ? [[at, 0] as [number, number]] : [])),
  )
  for (const { at } of heads.slice(0, exactly)) counts.set(at, counts.get(at)! + 1)
  return counts
}

function flagsOf(block: Block, count: number): Uint8Array {
  const flags = new Uint8Array(block.indices.length)
  for (const place of byImportance(block).slice(0, count)) flags[place] = 1
  return flags
}

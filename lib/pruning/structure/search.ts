import type { Cost } from '../cost/cost.js'
import { allKept, type Block, costOfKept, type Kept, keptCount } from './block.js'
import { blockSearch } from './block-search.js'
import type { Spending } from './budget.js'
import { rankedSearch } from './ranked-search.js'

/**
 * What stays within the budget.
 * @param heads exactly so many
 * @param at the step's place, for messages
 * @throws RangeError where there are fewer heads, or they alone cost more
 */
export function search(
  blocks: readonly Block[],
  spending: Spending,
  heads: number | undefined,
  at: string,
): Kept {
  const { cost, limit } = spending
  const all = allKept(blocks)
  const there = headsOf(blocks, all)
  if (heads !== undefined && heads > there) {
    throw new RangeError(
      `Expected \`${at}.heads\` to be at most ${there}, as many heads as there are, got ${heads}.`,
    )
  }
  if ((heads ?? there) === there && costOfKept(cost, blocks, all) <= limit) return all
  const kept = found(blocks, cost, limit, heads)
  if (kept !== undefined) return kept
  throw tooLittle(spending, `${heads} heads alone`, costOfHeads(blocks, cost, heads!), at)
}

/** @throws RangeError where the budget does not do for what is no head and no neuron */
export function checkRest(spending: Spending, at: string): void {
  const { cost, limit } = spending
  if (cost.fixed > limit) throw tooLittle(spending, 'the rest of the model', cost.fixed, at)
}

function found(blocks: readonly Block[], cost: Cost, limit: number, heads: number | undefined) {
  return (cost.linear ? rankedSearch : blockSearch)(blocks, cost, limit, heads)
}

function headsOf(blocks: readonly Block[], kept: Kept): number {
  return blocks.reduce((sum, { kind }, at) => sum + (kind === 'heads' ? keptCount(kept[at]!) : 0), 0)
}

/** With the rest of the model, and without any neurons. */
function costOfHeads(blocks: readonly Block[], cost: Cost, heads: number): number {
  const alone = blocks.filter(({ kind }) => kind === 'heads')
  return costOfKept(cost, alone, found(alone, cost, Number.MAX_SAFE_INTEGER, heads)!)
}

function tooLittle({ cost, limit, stored }: Spending, what: string, least: number, at: string): RangeError {
  const share = (amount: number) => (cost.kind === 'milliseconds' ? amount : amount / stored)
  return new RangeError(
    `Expected \`${at}.budget.${cost.kind}\` to be at least ${share(least).toPrecision(4)}, the cost of ${what}, got ${share(limit)}.`,
  )
}

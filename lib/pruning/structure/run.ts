import type { Cost } from '../cost/cost.js'
import type { BudgetReport, StepContext, StepOutcome, StepReport } from '../pattern.js'
import type { StructureStep } from '../recipe-types.js'
import { updateOutputs } from '../unit-update.js'
import { storedUnits } from '../units.js'
import { type Block, costOfKept, type Kept, keptCount, withKept } from './block.js'
import { blockSearch } from './block-search.js'
import { type Spending, spendingOf } from './budget.js'
import { fisherBlocks } from './fisher.js'
import { rankedSearch } from './ranked-search.js'
import { rearranged } from './rearrange.js'

/**
 * Which heads and neurons stay within a budget, and what makes up for the others (Kwon et al. 2022): Fisher information,
 * mask search, rearrangement, least squares.
 * @throws RangeError where nothing fits the budget; as `fisherBlocks`; `signal.reason`
 */
export async function runStructure(
  context: StepContext,
  step: StructureStep,
  at: string,
): Promise<StepOutcome> {
  const { blocks, of } = await fisherBlocks(context, step, at)
  const spending = spendingOf(context, step)
  const found = search(blocks, spending, step, at)
  const kept = step.rearrange ? await rearranged(blocks, found, context.signal) : found
  const chosen = withKept(context.decision, blocks, kept)
  const sets = [...new Set(blocks.map(({ set }) => set))]
  const kinds = ['heads', 'neurons'] as const
  const { decision, linears, notes } = await updateOutputs({ context, kinds, sets }, step, chosen)

  const { examples, sequences, tokens, digest } = context.calibration!
  const report = {
    ...counted(context, blocks, kept),
    calibration: { examples, sequences, tokens, digest },
    linears,
    budget: budgetReport(blocks, kept, spending),
    notes: [`Derivatives are those of ${of}.`, ...notes],
  }
  return { decision, report }
}

function search(blocks: readonly Block[], spending: Spending, step: StructureStep, at: string): Kept {
  const { cost, limit } = spending
  const { heads } = step
  checkHeads(blocks, heads, at)
  const all = blocks.map(({ indices }) => new Uint8Array(indices.length).fill(1))
  const free = heads === undefined || heads === headsOf(blocks, all)
  if (free && costOfKept(cost, blocks, all) <= limit) return all
  const kept = (cost.linear ? rankedSearch : blockSearch)(blocks, cost, limit, heads)
  if (kept !== undefined) return kept
  throw new RangeError(tooLittle(blocks, spending, heads, at))
}

function checkHeads(blocks: readonly Block[], heads: number | undefined, at: string): void {
  const there = headsOf(
    blocks,
    blocks.map(({ indices }) => new Uint8Array(indices.length).fill(1)),
  )
  if (heads === undefined || heads <= there) return
  throw new RangeError(
    `Expected \`${at}.heads\` to be at most ${there}, as many heads as there are, got ${heads}.`,
  )
}

function headsOf(blocks: readonly Block[], kept: Kept): number {
  return blocks.reduce((sum, { kind }, at) => sum + (kind === 'heads' ? keptCount(kept[at]!) : 0), 0)
}

function tooLittle(
  blocks: readonly Block[],
  { cost, limit, stored }: Spending,
  heads: number | undefined,
  at: string,
): string {
  const share = (amount: number) => (cost.kind === 'milliseconds' ? amount : amount / stored)
  const what = heads === undefined ? 'the rest of the model' : `${heads} heads alone`
  const least = heads === undefined ? cost.fixed : cost.fixed + leastHeads(blocks, cost, heads)
  return `Expected \`${at}.budget.${cost.kind}\` to be at least ${share(least).toPrecision(4)}, the cost of ${what}, got ${share(limit)}.`
}

/** What so many heads cost: as searched for, one after another of equal ones. */
function leastHeads(blocks: readonly Block[], cost: Cost, heads: number): number {
  const unlimited = { ...cost, fixed: 0 }
  const find = cost.linear ? rankedSearch : blockSearch
  const alone = blocks.filter(({ kind }) => kind === 'heads')
  return costOfKept(unlimited, alone, find(alone, unlimited, Number.MAX_SAFE_INTEGER, heads)!)
}

function counted(
  context: StepContext,
  blocks: readonly Block[],
  kept: Kept,
): Pick<StepReport, 'pattern' | 'unit' | 'of' | 'removed'> {
  const of = blocks.reduce((sum, { kind, set }) => {
    return sum + storedUnits(context, kind, set)
  }, 0)
  const removed = blocks.reduce((sum, { indices }, at) => sum + indices.length - keptCount(kept[at]!), 0)
  return { pattern: 'structure', unit: 'heads and neurons', of, removed }
}

function budgetReport(
  blocks: readonly Block[],
  kept: Kept,
  { cost, limit, stored, subject }: Spending,
): BudgetReport {
  const all = blocks.map(({ indices }) => new Uint8Array(indices.length).fill(1))
  const before = costOfKept(cost, blocks, all)
  return { kind: cost.kind, limit, stored, before, after: costOfKept(cost, blocks, kept), ...subject }
}

import type { BudgetReport, StepContext, StepOutcome, StepReport } from '../pattern.js'
import type { StructureStep } from '../recipe-types.js'
import { updateOutputs } from '../unit-update.js'
import { storedUnits } from '../units.js'
import { allKept, type Block, costOfKept, type Kept, keptCount, withKept } from './block.js'
import { type Spending, spendingOf } from './budget.js'
import { fisherBlocks } from './fisher.js'
import { rearranged } from './rearrange.js'
import { checkRest, search } from './search.js'

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
  const spending = spendingOf(context, step)
  checkRest(spending, at)
  const { blocks, of } = await fisherBlocks(context, step, at)
  const found = search(blocks, spending, step.heads, at)
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

function counted(
  context: StepContext,
  blocks: readonly Block[],
  kept: Kept,
): Pick<StepReport, 'pattern' | 'unit' | 'of' | 'removed'> {
  const of = blocks.reduce((sum, { kind, set }) => sum + storedUnits(context, kind, set), 0)
  const removed = blocks.reduce((sum, { indices }, at) => sum + indices.length - keptCount(kept[at]!), 0)
  return { pattern: 'structure', unit: 'heads and neurons', of, removed }
}

function budgetReport(
  blocks: readonly Block[],
  kept: Kept,
  { cost, limit, stored, subject }: Spending,
): BudgetReport {
  const before = costOfKept(cost, blocks, allKept(blocks))
  return { kind: cost.kind, limit, stored, before, after: costOfKept(cost, blocks, kept), ...subject }
}

import { layerOfSet } from '../../checkpoint/structure.js'
import { bytesCost } from '../cost/bytes.js'
import { applications, type Cost, totalCost } from '../cost/cost.js'
import { millisecondsCost } from '../cost/milliseconds.js'
import { operationsCost } from '../cost/operations.js'
import type { BudgetReport, StepContext } from '../pattern.js'
import type { StructureStep } from '../recipe-types.js'

/** What a step may spend, and on what. */
export type Spending = {
  /** Of the layers that are there. */
  readonly cost: Cost
  readonly limit: number
  /** Of the stored base with all its layers. */
  readonly stored: number
  /** What it is the cost of. */
  readonly subject: Pick<BudgetReport, 'batch' | 'tokens'>
}

export function spendingOf(context: StepContext, step: Pick<StructureStep, 'budget' | 'tokens'>): Spending {
  const { base, slots, decision, latency } = context
  const all = applications(base.layers)
  const there = applications(decision.layers.map((layer) => base.layers[layer]!))
  const { budget } = step
  if ('milliseconds' in budget) {
    const { batch, length } = latency!
    return {
      cost: millisecondsCost(latency!, there),
      limit: budget.milliseconds,
      stored: storedCost(context, millisecondsCost(latency!, all)),
      subject: { batch, tokens: length },
    }
  }
  if ('bytes' in budget) {
    const cost = bytesCost(base, slots)
    const stored = storedCost(context, cost)
    return { cost, limit: budget.bytes * stored, stored, subject: {} }
  }
  const tokens = step.tokens ?? meanLength(context)
  const stored = storedCost(context, operationsCost(base, all, tokens))
  const cost = operationsCost(base, there, tokens)
  return { cost, limit: budget.operations * stored, stored, subject: { batch: 1, tokens } }
}

function storedCost({ base }: StepContext, cost: Cost): number {
  const sets = new Set(base.layers.map(({ weights }) => weights))
  const counts = [...sets].flatMap((set) => {
    const { heads, inner } = layerOfSet(base, set)
    return [
      { kind: 'heads', set, count: heads.length } as const,
      { kind: 'neurons', set, count: inner } as const,
    ]
  })
  return totalCost(cost, counts)
}

function meanLength({ calibration }: StepContext): number {
  const { tokens, sequences } = calibration!
  return tokens / sequences
}

import type { PlanSummary } from '../index.js'
import { bytes, percent, several } from './amounts.js'
import type { MeasuredLatency } from './budget-options.js'
import { alignedTable } from './table.js'

type Step = PlanSummary['steps'][number]
type Budget = NonNullable<Step['budget']>

const linears = ['query', 'key', 'value', 'attentionOutput', 'ffnIn', 'ffnOut']

/** What the model costs before and after, as predicted and measured, and which linears stayed dense. */
export function budgetReport(steps: readonly Step[], latency: MeasuredLatency | undefined): string[] {
  const sentences = steps.flatMap(({ budget }, at) => (budget === undefined ? [] : [sentence(budget, at)]))
  const measured = latency === undefined ? [] : [measuredSentence(latency)]
  const tables = steps.flatMap(({ choices }, at) => (choices === undefined ? [] : [choiceTable(choices, at)]))
  const lines = [...sentences, ...measured]
  return [...(lines.length === 0 ? [] : [lines.join('\n')]), ...tables]
}

function sentence({ kind, limit, stored, before, after, batch, tokens }: Budget, at: number): string {
  const say = (amount: number) => amountOf(kind, amount)
  const of =
    batch === undefined || tokens === undefined
      ? ''
      : `, of ${several(batch, 'sequence')} of ${Number(tokens.toFixed(1))} tokens`
  const from = before === stored ? say(stored) : `${say(before)} (stored: ${say(stored)})`
  const share = kind === 'milliseconds' ? '' : ` (${percent(after / stored)})`
  return `Step ${at + 1}: from ${from} to ${say(after)}${share}, within ${say(limit)}${of}${kind === 'milliseconds' ? ': predicted' : ''}.`
}

function measuredSentence({ device, batch, length, before, after }: MeasuredLatency): string {
  return `Measured on ${device}, ${several(batch, 'sequence')} of ${length} tokens: ${before.toFixed(3)} ms before, ${after.toFixed(3)} ms after, ${(before / after).toFixed(2)} × as fast.`
}

function amountOf(kind: Budget['kind'], amount: number): string {
  if (kind === 'milliseconds') return `${amount.toFixed(3)} ms`
  if (kind === 'bytes') return bytes(Math.round(amount))
  return `${(amount / 1e6).toFixed(2)} M multiply-adds`
}

function choiceTable(choices: NonNullable<Step['choices']>, at: number): string {
  const cells = choices.map(
    ({ slot, error, dense }) => [slot, `${short(error)}${dense ? ' dense' : ''}`] as const,
  )
  return `Step ${at + 1}: relative error of outputs on examples that were kept apart, each linear pruned alone; those that stay dense:\n${linearTable(cells)}`
}

/** A row for each weight set, a column for each linear. */
export function linearTable(cells: readonly (readonly [slot: string, text: string])[]): string {
  const rows = new Map<string, string[]>()
  for (const [slot, text] of cells) {
    const [, set = '', linear = ''] = /^layers\.(\d+)\.(\w+)\./.exec(slot) ?? []
    const row = rows.get(set) ?? linears.map(() => '')
    row[linears.indexOf(linear)] = text
    rows.set(set, row)
  }
  return alignedTable(
    ['weights', ...linears],
    [...rows].map(([set, row]) => [Number(set), ...row]),
  )
}

function short(error: number): string {
  return error === 0 ? '0' : error.toPrecision(3)
}

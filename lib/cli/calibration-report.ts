import type { PlanSummary } from '../index.js'
import { several } from './amounts.js'
import { alignedTable } from './table.js'

type Calibrated = Pick<PlanSummary, 'steps'> & {
  readonly calibration?: {
    readonly file: string
    readonly examples: number
    readonly tokens: number
    readonly notes: readonly string[]
  }
}

const linears = ['query', 'key', 'value', 'attentionOutput', 'ffnIn', 'ffnOut']

/** What was looked at, and what pruning did to the outputs of each linear; nothing where nothing was looked at. */
export function calibrationReport({ calibration, steps }: Calibrated): string[] {
  if (calibration === undefined) return []
  const { file, examples, tokens, notes } = calibration
  const seen = `Calibrated on ${several(examples, 'example')} of ${file}, ${several(tokens, 'token')}.`
  const tables = steps.flatMap((step, at) => errorTable(step, at))
  return [[seen, ...notes, ...steps.flatMap((step) => step.notes ?? [])].join('\n'), ...tables]
}

function errorTable({ linears: outcomes = [] }: PlanSummary['steps'][number], at: number): string[] {
  const cells = new Map<string, string[]>()
  for (const { slot, errors } of outcomes) {
    const [, set, linear] = /^layers\.(\d+)\.(\w+)\./.exec(slot) ?? []
    if (errors === undefined || set === undefined || linear === undefined) continue
    const row = cells.get(set) ?? linears.map(() => '')
    row[linears.indexOf(linear)] = `${short(errors.masked)} → ${short(errors.updated)}`
    cells.set(set, row)
  }
  if (cells.size === 0) return []
  const rows = [...cells].map(([set, row]) => [Number(set), ...row])
  const title = `Step ${at + 1}: relative error of outputs on the calibration data, zeros alone → updated, by weight set:`
  return [`${title}\n${alignedTable(['weights', ...linears], rows)}`]
}

/** Three digits that count. */
function short(error: number): string {
  return error === 0 ? '0' : error.toPrecision(3)
}

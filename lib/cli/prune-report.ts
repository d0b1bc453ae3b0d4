import type { PlanSummary } from '../index.js'
import { percent, several } from './amounts.js'
import type { MeasuredLatency } from './budget-options.js'
import { budgetReport } from './budget-report.js'
import { calibrationReport } from './calibration-report.js'
import { alignedTable, grouped } from './table.js'

type Pruned = PlanSummary & {
  readonly model: string
  readonly out: string
  readonly form: string
  readonly loadsIn: readonly string[]
  readonly plan?: string
  readonly latency?: MeasuredLatency
  readonly calibration?: {
    readonly file: string
    readonly examples: number
    readonly tokens: number
    readonly notes: readonly string[]
  }
}

const linears = ['query', 'key', 'value', 'attentionOutput', 'ffnIn', 'ffnOut']

/** What was done, what is left, and who can load it. */
export function pruneReport(result: Pruned): string {
  const { model, out, form, plan, base, loadsIn, prunable, all } = result
  const written = plan === undefined ? '' : `\nPlan: ${plan}`
  return [
    `${model} (${base.architecture}, ${base.hash.slice(0, 12)}) → ${out}, ${form}${written}`,
    stepTable(result),
    ...calibrationReport(result),
    ...budgetReport(result.steps, result.latency),
    layerTable(result),
    `Kept ${percent(prunable.density)} of ${grouped(prunable.elements)} prunable weights, ` +
      `${percent(all.density)} of all ${grouped(all.elements)}.`,
    ['Loads in:', ...loadsIn.map((who) => `- ${who}`)].join('\n'),
  ].join('\n\n')
}

function stepTable({ steps }: Pruned): string {
  const rows = steps.map(({ pattern, unit, of, removed }, at) => [at + 1, pattern, unit, of, removed])
  const tails = steps.flatMap((step) => step.tails ?? [])
  const table = alignedTable(['step', 'pattern', 'unit', 'of', 'removed'], rows)
  if (tails.length === 0) return table
  const note = `${several(tails.length, 'matrix has rows', 'matrices have rows')} that end in fewer weights than the pattern is long: those stay.`
  return `${table}\n${note}`
}

/** One row for each layer that stays, with the share of each matrix that is kept. */
function layerTable({ layers, slots }: Pruned): string {
  if (layers.length === 0) return 'No layer is left.'
  const densities = new Map(slots.map(({ slot, density }) => [slot, density]))
  const rows = layers.map(({ layer, weights, heads, neurons }) => {
    const kept = linears.map((linear) => percent(densities.get(`layers.${weights}.${linear}.weight`) ?? 1))
    return [layer, heads.length, neurons, ...kept]
  })
  return `Kept, by layer of the base:\n${alignedTable(['layer', 'heads', 'neurons', ...linears], rows)}`
}

import type { Evaluation } from '../index.js'
import { several } from './amounts.js'
import { alignedPairs } from './table.js'

type Against = {
  readonly model: string
  readonly value: number
  readonly difference: number
  readonly interval: readonly [number, number]
  readonly intervalMethod: string
  readonly p_value: number
  readonly test: string
}

type Shown = Omit<Evaluation, 'outcomes'> & { readonly against?: Against }

/** Words for the names in the JSON. */
const words: Readonly<Record<string, string>> = {
  clopper_pearson: 'exact',
  korn_graubard: 'exact for the effective sample size',
  jackknife_fisher_z: "jackknife on Fisher's scale",
  jackknife_log: 'jackknife on a log scale',
  bayesian_bootstrap: 'Bayesian bootstrap',
  tango: "Tango's score interval",
  tango_clustered: "Tango's score interval for the effective sample size",
  jackknife_t: 'paired jackknife',
  whole_range: 'the data say nothing',
  mcnemar_mid_p: "McNemar's mid-p test",
  score_clustered: 'paired score test for the effective sample size',
}

/** Every metric with its interval, and the difference to another model. */
export function evalReport(model: string, result: Shown): string {
  const { task, metric, n, metrics, intervals, truncated, notes, against } = result
  const others = Object.entries(metrics).filter(([name]) => name !== metric)
  const lines = alignedPairs([
    ['model', model],
    ['task', `${task}, ${several(n, 'example')}`],
    ...[[metric, metrics[metric]!] as const, ...others].map(([name, value]) => {
      const { interval, method } = intervals[name]!
      return [name, `${rounded(value)} ${between(interval, method)}`] as const
    }),
    ...(against === undefined ? [] : againstLines(metric, against)),
  ])
  const cut = truncated > 0 ? [`${several(truncated, 'example')} longer than the model takes, and cut.`] : []
  return [lines, ...[...cut, ...notes].map((note) => `Note: ${note}`)].join('\n')
}

function againstLines(
  metric: string,
  { model, value, difference, interval, intervalMethod, p_value, test }: Against,
): [string, string][] {
  const sign = difference > 0 ? '+' : ''
  return [
    ['against', model],
    [`its ${metric}`, rounded(value)],
    ['difference', `${sign}${rounded(difference)} ${between(interval, intervalMethod)}`],
    ['p-value', `${p_value < 0.0001 ? 'below 0.0001' : rounded(p_value)} (${words[test] ?? test})`],
  ]
}

function between([low, high]: readonly [number, number], method: string): string {
  return `(95 % interval ${rounded(low)} to ${rounded(high)}, ${words[method] ?? method})`
}

function rounded(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  return value.toFixed(4)
}

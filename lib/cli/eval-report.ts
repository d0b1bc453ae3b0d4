import type { Evaluation } from '../index.js'
import { several } from './amounts.js'
import { alignedPairs } from './table.js'

type Against = {
  readonly model: string
  readonly value: number
  readonly difference: number
  readonly interval: readonly [number, number]
  readonly p_value: number
  readonly test: string
}

type Shown = Omit<Evaluation, 'outcomes'> & { readonly against?: Against }

const tests: Readonly<Record<string, string>> = {
  mcnemar: "McNemar's exact test",
  paired_bootstrap: 'paired bootstrap',
}

/** The metric with its interval, the other metrics, and the difference to another model. */
export function evalReport(model: string, result: Shown): string {
  const { task, metric, value, interval, n, metrics, truncated, notes, against } = result
  const others = Object.entries(metrics).filter(([name]) => name !== metric)
  const lines = alignedPairs([
    ['model', model],
    ['task', `${task}, ${several(n, 'example')}`],
    [metric, `${rounded(value)} ${between(interval)}`],
    ...others.map(([name, other]) => [name, rounded(other)] as const),
    ...(against === undefined ? [] : againstLines(metric, against)),
  ])
  const cut = truncated > 0 ? [`${several(truncated, 'example')} longer than the model takes, and cut.`] : []
  return [lines, ...[...cut, ...notes].map((note) => `Note: ${note}`)].join('\n')
}

function againstLines(
  metric: string,
  { model, value, difference, interval, p_value, test }: Against,
): [string, string][] {
  const sign = difference > 0 ? '+' : ''
  return [
    ['against', model],
    [`its ${metric}`, rounded(value)],
    ['difference', `${sign}${rounded(difference)} ${between(interval)}`],
    ['p-value', `${p_value < 0.0001 ? 'below 0.0001' : rounded(p_value)} (${tests[test] ?? test})`],
  ]
}

function between([low, high]: readonly [number, number]): string {
  return `(95 % interval ${rounded(low)} to ${rounded(high)})`
}

function rounded(value: number): string {
  return value.toFixed(4)
}

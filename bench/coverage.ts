// How often each interval holds the truth, from data whose truth is known, into docs/statistics.md, between
// `<!-- coverage -->` and `<!-- /coverage -->`. Seeded: the same commit gives the same tables. A few minutes on one core.
// Run: npx tsx bench/coverage.ts [--runs 2000]
import { parseArgs } from 'node:util'
import { writeBetween } from './calibrated/documents.mjs'
import { bootstrapCases, bootstrapCoverageOf } from './coverage/bootstrap-cases.ts'
import { coverageOf, nullVerdicts, pairedCoverageOf } from './coverage/coverage.ts'
import { nullCases } from './coverage/null-cases.ts'
import { pairedCases } from './coverage/paired-cases.ts'
import { singleCases } from './coverage/single-cases.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '2000' } } })
const runs = Number(values.runs)

const few = [20, 60, 200] as const
const sizes = [...few, 1000] as const

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function percent(share: number): string {
  return (100 * share).toFixed(1)
}

function singleTable(): string {
  const rows = singleCases.flatMap((one) => {
    const found = sizes.map((n) => coverageOf(one, n, n === 1000 ? Math.ceil(runs / 4) : runs, n))
    return Object.keys(one.truths).map((metric) => [
      metric,
      one.population,
      one.truths[metric]!.toFixed(3),
      ...found.map((at) => percent(at[metric]!.covered)),
    ])
  })
  return table(['metric', 'population', 'truth', ...sizes.map((n) => `n = ${n}`)], rows)
}

function pairedTable(): string {
  const rows = pairedCases.map((one) => [
    one.metric,
    one.population,
    one.truth.toFixed(4),
    ...few.map((n) => {
      const { covered, significant, apart } = pairedCoverageOf(one, n, runs, n)
      return `${percent(covered)}; ${percent(significant)}; ${percent(apart)}`
    }),
  ])
  return table(['metric', 'population', 'true difference', ...few.map((n) => `n = ${n}`)], rows)
}

function nullTable(): string {
  const studies = [
    [60, 2],
    [60, 3],
    [60, 10],
    [400, 10],
  ] as const
  const rows = nullCases.map((one) => [
    one.metric,
    one.population,
    ...studies.map(([n, seeds]) => {
      const { better, worse } = nullVerdicts(one, n, seeds, runs, n + seeds)
      return `${percent(better)}; ${percent(worse)}`
    }),
  ])
  const head = studies.map(([n, seeds]) => `n = ${n}, ${seeds} seeds`)
  return table(['metric', 'random prunings', ...head], rows)
}

function bootstrapTable(): string {
  const rows = bootstrapCases.map((one) => [
    one.title,
    ...[20, 60].map((n) => {
      const { percentile, bca } = bootstrapCoverageOf(one, n, Math.ceil(runs / 4), n)
      return `${percent(percentile)}; ${percent(bca)}`
    }),
  ])
  return table(['metric and population', 'n = 20', 'n = 60'], rows)
}

const parts = [
  '### One model',
  `In percent, of ${runs} samples of n examples (a quarter as many of 1000): how often the 95 % interval holds the truth.`,
  singleTable(),
  '### Two models',
  `Of ${runs} samples: how often the interval holds the true difference; how often p < 0.05; how often interval and p-value disagree on 0.`,
  pairedTable(),
  '### One more random pruning',
  `Of ${runs} studies in which the order is one more random pruning: how often it is called better; worse.`,
  nullTable(),
  '### The bootstrap, for comparison',
  `Of ${Math.ceil(runs / 4)} samples with 500 resamples each: how often the percentile interval holds the truth; the BCa interval.`,
  bootstrapTable(),
]
writeBetween('docs/statistics.md', 'coverage', parts.join('\n\n'))

// The tables of docs/pruning.md anew from bench/results/curve-*.csv, which were measured when intervals came from the
// percentile bootstrap: verdicts beside random prunings, evidence, and intervals of accuracies as `curve` makes them
// now. The CSV has what that takes: the value of every random pruning, and (as the width of the old interval) the paired
// error of the difference to their mean. Intervals of Spearman's correlation, and paired p-values, stay as measured.
// Run: npx tsx bench/curves-recompute.ts
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { clopperPearson } from '../lib/evaluation/intervals/clopper-pearson.ts'
import { predictionOf } from '../lib/study/beside-random.ts'
import type { CurvePoint, Curves } from '../lib/study/curve-types.ts'
import { judge } from '../lib/study/evidence.ts'
import { reachOf, spreadsOf } from '../lib/study/summary.ts'
import { writeBetween } from './calibrated/documents.mjs'
import { studyTables } from './curves/study-tables.mjs'

const machine = { date: '2026-11-22', cpu: 'AMD EPYC', cores: 1, node: 'v20.20.2' }

/** What the CSV does not say, by the model's name. */
const models = {
  'all-MiniLM-L6-v2': {
    ...{ task: 'similarity', data: 'sts-test.csv', n: 1379 },
    calibration: { examples: 462, tokens: 13833, overlap: { examples: 0, sequences: 0 } },
  },
  'minilm-l6-sst2': {
    ...{ task: 'classification', data: 'alps_test.tsv', n: 872 },
    calibration: { examples: 512, tokens: 6813, overlap: { examples: 0, sequences: 0 } },
  },
}
const commits = { heads: 'c595ab89839e', neurons: '8a78dbd2956f' }

type Row = Readonly<Record<string, string>>

function rowsOf(file: string): Row[] {
  const [header, ...lines] = readFileSync(join(import.meta.dirname, 'results', file), 'utf8')
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(','))
  return lines.map((cells) => Object.fromEntries(header!.map((name, at) => [name, cells[at]!])))
}

/** As much of a point as tables and verdicts read. */
function pointOf(row: Row, rows: readonly Row[], n: number): CurvePoint {
  const value = Number(row.value)
  return {
    ...{ unit: row.unit, method: row.method, level: Number(row.level), share: Number(row.share) },
    seed: row.seed === '' ? null : Number(row.seed),
    value,
    interval: intervalOf(row, n),
    toDense: { difference: Number(row.difference) },
    ...(row.reversed_p_value !== '' && {
      toOrder: { difference: Number(row.reversed_difference), pValue: Number(row.reversed_p_value) },
    }),
    ...(row.random_seeds !== '' && { toRandom: besideRandom(row, rows, n) }),
  } as unknown as CurvePoint
}

function intervalOf(row: Row, n: number): readonly [number, number] {
  if (row.metric !== 'accuracy') return [Number(row.low), Number(row.high)]
  return clopperPearson(Math.round(Number(row.value) * n), n, 0.95)
}

function besideRandom(row: Row, rows: readonly Row[], n: number) {
  const values = rows
    .filter(({ method, level }) => method === 'random' && level === row.level)
    .map((other) => Number(other.value))
  const error = (Number(row.random_high) - Number(row.random_low)) / (2 * 1.96)
  const metric = row.metric as Curves['dense']['metric']
  const value = Number(row.value)
  return predictionOf(metric, n, value, values, ({ slope }) => slope(value) * error)
}

function tablesOf(unit: keyof typeof commits, model: keyof typeof models): string {
  const { task, data, n, calibration } = models[model]
  const [first, ...rows] = rowsOf(`curve-${unit}-${model}.csv`)
  const points = rows.map((row) => pointOf(row, rows, n))
  const dense = {
    ...{ metric: first!.metric, value: Number(first!.value), interval: intervalOf(first!, n), n },
  } as unknown as Curves['dense']
  return studyTables({
    study: { base: { name: model }, data: { name: data }, task, calibration },
    machine: { ...machine, commit: commits[unit] },
    ...{ dense, points, spreads: spreadsOf(points), reach: reachOf({ dense, points }) },
    evidence: judge({ dense, points }),
    complete: unit !== 'heads' || model !== 'all-MiniLM-L6-v2',
  })
}

const studies = (['heads', 'neurons'] as const).flatMap((unit) => [
  tablesOf(unit, 'all-MiniLM-L6-v2'),
  tablesOf(unit, 'minilm-l6-sst2'),
])
writeBetween('docs/pruning.md', 'curves', studies.join('\n\n'))

/** Each random pruning beside the others of its level. */
function randomBesideRandom(): { better: number; worse: number; all: number } {
  const counts = { better: 0, worse: 0, undecided: 0 }
  for (const unit of ['heads', 'neurons'] as const) {
    for (const [model, { n }] of Object.entries(models)) {
      const random = rowsOf(`curve-${unit}-${model}.csv`).filter(({ method }) => method === 'random')
      for (const row of random) {
        const others = random.filter((other) => other.level === row.level && other !== row)
        if (others.length < 2) continue
        const metric = row.metric as Curves['dense']['metric']
        const values = others.map((other) => Number(other.value))
        counts[predictionOf(metric, n, Number(row.value), values, () => 0).verdict] += 1
      }
    }
  }
  const { better, worse, undecided } = counts
  return { better, worse, all: better + worse + undecided }
}
const { better, worse, all } = randomBesideRandom()
console.log(`Of ${all} random prunings, each beside the others: ${better} better, ${worse} worse.`)

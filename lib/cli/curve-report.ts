import type { CurvePoint, Curves } from '../index.js'
import { type Table, textTable } from '../report/table.js'
import { several } from './amounts.js'
import { axisTitle } from './curve-plot.js'
import { amount, interval, percent, signed } from './demo/numbers.js'
import { alignedTable } from './table.js'

type RandomDifference = NonNullable<CurvePoint['toRandom']>

/** A table for each unit, how far each method gets, and what counts as evidence. */
export function curveText(curves: Curves, width = 170): string {
  const { study, dense } = curves
  const units = [...new Set(curves.points.map(({ unit }) => unit))]
  const head = `${study.base.name}, ${study.task} on ${study.data.name}: dense ${dense.metric} ${amount(dense.value)} ${interval(dense.interval, amount)}, ${several(dense.n, 'example')}.`
  const tables = units.map(
    (unit) => `${axisTitle(unit)}\n\n${textTable(tableOf(curves, unit), width).trimEnd()}`,
  )
  return [head, ...calibrationLine(curves), ...tables, reachTable(curves), ...remarks(curves)].join('\n\n')
}

function calibrationLine({ study: { calibration } }: Curves): string[] {
  if (calibration === null) return []
  const { examples, tokens, overlap } = calibration
  const seen = `Calibrated on ${several(examples, 'example')}, ${several(tokens, 'token')}`
  const shared =
    overlap.examples + overlap.sequences === 0
      ? 'none of the evaluated data is among them'
      : `of the evaluated data ${several(overlap.examples, 'example')} and ${several(overlap.sequences, 'single sequence')} are among them: not a fair test`
  return [`${seen}; ${shared}.`]
}

function tableOf(curves: Curves, unit: string): Table {
  const { metric } = curves.dense
  const own = curves.points.filter((point) => point.unit === unit)
  const besideRandom = own.some(({ toRandom }) => toRandom !== undefined)
  return {
    caption: unit,
    columns: [
      { title: 'method', align: 'left' },
      { title: 'level', align: 'right' },
      { title: `${metric} [95 %]`, align: 'right' },
      { title: 'minus dense [95 %]', align: 'right' },
      { title: 'p', align: 'right' },
      ...(besideRandom ? [{ title: 'minus random [95 %]', align: 'right' } as const] : []),
      { title: 'kept', align: 'right' },
      { title: 'of all', align: 'right' },
      { title: 's', align: 'right' },
      { title: 'counts as', align: 'left' },
    ],
    rows: [...new Set(own.map(({ method }) => method))].flatMap((method) =>
      rowsOf(curves, own, method, besideRandom),
    ),
  }
}

function rowsOf(
  curves: Curves,
  own: readonly CurvePoint[],
  method: string,
  besideRandom: boolean,
): string[][] {
  const points = own.filter((point) => point.method === method).toSorted((a, b) => a.share - b.share)
  return [...new Set(points.map(({ level }) => level))].map((level) => {
    const at = points.filter((point) => point.level === level)
    return at[0]!.seed === null
      ? singleRow(curves, at[0]!, besideRandom)
      : seededRow(curves, at, besideRandom)
  })
}

function singleRow(curves: Curves, point: CurvePoint, besideRandom: boolean): string[] {
  const { unit, method, level, value, toDense, toRandom, density, seconds } = point
  const verdict = curves.evidence.find(
    (each) => each.unit === unit && each.method === method && each.level === level,
  )
  return [
    ...[method, String(level), `${amount(value)} ${interval(point.interval, amount)}`],
    ...[`${signed(toDense.difference)} ${interval(toDense.interval, signed)}`, pText(toDense.pValue)],
    ...(besideRandom ? [toRandom ? besideRandomCell(toRandom) : ''] : []),
    ...[percent(density.prunable.density), percent(density.all.density)],
    (seconds.prune + seconds.evaluate).toFixed(1),
    verdict === undefined ? 'control' : verdict.evidence ? 'evidence' : `smoke test: ${verdict.why}`,
  ]
}

function besideRandomCell({ difference, interval: ends, verdict, seeds }: RandomDifference): string {
  if (seeds < 2) return `${signed(difference)} (one seed: no verdict)`
  const word = verdict === 'undecided' ? '' : ` ${verdict}`
  return `${signed(difference)} ${interval(ends, signed)}${word}`
}

/** Of several seeds the mean and its standard deviation, and the largest p. */
function seededRow({ spreads }: Curves, points: readonly CurvePoint[], besideRandom: boolean): string[] {
  const { unit, method, level, density } = points[0]!
  const spread = spreads.find((each) => each.unit === unit && each.method === method && each.level === level)!
  const largest = Math.max(...points.map(({ toDense }) => toDense.pValue))
  const seconds = points.reduce((sum, point) => sum + point.seconds.prune + point.seconds.evaluate, 0)
  return [
    ...[
      method,
      String(level),
      `${amount(spread.mean)}${spread.sd === null ? '' : ` ± ${amount(spread.sd)}`}`,
    ],
    ...[signed(spread.meanDifference), `up to ${pText(largest)}`],
    ...(besideRandom ? [''] : []),
    ...[percent(density.prunable.density), percent(density.all.density)],
    seconds.toFixed(1),
    `control, ${several(spread.seeds, 'seed')}${spread.sd === null ? '' : ': mean ± sd'}`,
  ]
}

function reachTable({ reach }: Curves): string {
  const rows = reach.map(({ unit, method, withinOnePoint, within99Percent }) => {
    return [unit, method, String(withinOnePoint ?? 'none'), String(within99Percent ?? 'none')]
  })
  return `Largest measured level up to which every level stays within\n\n${alignedTable(['what goes', 'method', 'one point', '99 %'], rows)}`
}

function remarks({ evidence, dense, notes, complete, point }: Curves): string[] {
  const proofs = evidence.filter((verdict) => verdict.evidence).length
  const found =
    evidence.length === 0
      ? 'Only controls were measured: nothing here is evidence for an order.'
      : `${proofs} of ${several(evidence.length, 'level')} count as evidence for the method's order; the others are smoke tests.`
  return [
    `${found} Evidence is where random pruning costs at least 5 points and the reversed order is significantly worse: on other examples and beyond the spread of random prunings, p < 0.05 over all levels of the method (Holm).`,
    `"minus random" is in brackets where one more random pruning would lie, with two seeds or more; "better" or "worse" is what lies outside, p < 0.05 at that level.`,
    `A point is ${Number(point.toPrecision(3))} of ${dense.metric}. Differences are paired; their p-values are of single comparisons.`,
    ...(complete ? [] : ['Not complete.']),
    ...[...notes, ...dense.notes].map((note) => `Note: ${note}`),
  ]
}

function pText(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3)
}

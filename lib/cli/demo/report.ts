import { htmlPage } from '../../report/page.js'
import type { Plot, Point } from '../../report/plot.js'
import type { Table } from '../../report/table.js'
import { amount, interval, percent, signed, times } from './numbers.js'
import type { DemoResult, DemoRow } from './result.js'

const columns: Table['columns'] = [
  { title: 'variant', align: 'left' },
  { title: 'zeros in linears', short: 'zeros', align: 'right' },
  { title: 'parameters kept', short: 'params', align: 'right' },
  { title: 'Spearman [95 %]', align: 'right' },
  { title: 'minus dense [95 %]', short: '− dense [95 %]', align: 'right' },
  { title: 'sentences/s', short: 'sent/s', align: 'right' },
  { title: '× dense [spread]', align: 'right' },
  { title: 'note', align: 'left' },
]

/** The table that the terminal and the page share. */
export function demoTable({ rows, pairs, timing }: DemoResult): Table {
  const caption = `${rows.length} variants on ${pairs} labelled pairs, timed in ${timing.rounds} rounds.`
  return { caption, columns, rows: rows.map(cellsOf) }
}

export function cellsOf(row: DemoRow): string[] {
  const { difference, differenceInterval } = row
  return [
    row.variant,
    percent(row.zeros),
    percent(row.parametersKept),
    `${amount(row.spearman)} ${interval(row.interval, amount)}`,
    difference === null || differenceInterval === null
      ? '–'
      : `${signed(difference)} ${interval(differenceInterval, signed)}`,
    row.sentencesPerSecond.toFixed(0),
    `${times(row.ratio)} ${interval(row.spread, times)}`,
    row.note,
  ]
}

/** The whole report as one file. */
export function demoPage(result: DemoResult): string {
  return htmlPage({
    title: 'twofour demo: accuracy beside speed',
    lead: result.remarks,
    table: demoTable(result),
    plots: [speedPlot(result.rows), zerosPlot(result.rows)],
    reading: reading(result),
    facts: factsOf(result),
  })
}

function speedPlot(rows: readonly DemoRow[]): Plot {
  const points = rows.map((row): Point => ({ ...pointOf(row), x: row.ratio, xInterval: row.spread }))
  return {
    id: 'speed',
    title: 'Accuracy against speed',
    description: describe(points, 'times the speed of dense', times),
    x: { title: 'speed, × dense (bars: spread of the rounds)', tick: times, reference: 1 },
    y: { title: 'Spearman (bars: 95 % interval)', tick: times, reference: rows[0]!.spearman },
    points,
  }
}

function zerosPlot(rows: readonly DemoRow[]): Plot {
  const points = rows.map((row): Point => ({ ...pointOf(row), x: row.zeros * 100 }))
  const from = points[0]!
  return {
    id: 'zeros',
    title: 'Accuracy against what was taken away',
    description: describe(points, 'per cent of the linears’ weights zeroed or removed', (x) => x.toFixed(0)),
    x: { title: 'weights of the linears zeroed or removed, %', tick: String, domain: [-5, 100] },
    y: { title: 'Spearman (bars: 95 % interval)', tick: times, reference: rows[0]!.spearman },
    points,
    lines: ['unstructured', 'heads', 'neurons'].map((series) => ({ series, from })),
  }
}

function pointOf(row: DemoRow) {
  return { label: row.variant, y: row.spearman, yInterval: row.interval, series: row.family }
}

function describe(points: readonly Point[], unit: string, write: (x: number) => string): string {
  const each = points.map(({ label, x, y }) => `${label}: Spearman ${amount(y)} at ${write(x)} ${unit}`)
  return `${each.join('; ')}.`
}

function reading({ timing }: DemoResult): string[] {
  const { ratio, spread } = timing.control
  return [
    'Spearman is the rank correlation of the cosine of two sentence embeddings with the similarity that people gave the pair: 1 is perfect, 0 is chance. Its interval says what other pairs like these would give: by the jackknife over the pairs, on Fisher’s scale.',
    '“minus dense” is computed on the same pairs, by the jackknife over their difference: an interval that leaves out 0 points to a real loss or gain on data like this, even where the two Spearman intervals overlap.',
    '“zeros in linears” counts the weights of the layers’ linears that are zero by a mask or physically gone. “parameters kept” counts what is still stored and multiplied, embeddings and masked zeros included.',
    `“× dense” is the median over the rounds of the time of dense by the time of the variant, and its spread goes from the 10th to the 90th percentile. The dense model loaded a second time came out at ${times(ratio)} ${interval(spread, times)}: that is noise here, and a variant is called faster or slower only where its spread lies outside of it.`,
    'In the plots up is more accurate and, in the first, right is faster; dashed lines mark the dense model.',
  ]
}

function factsOf({ model, data, pairs, timing, device, machine, date, seconds }: DemoResult) {
  const { rounds, batches, batchSize } = timing
  const gibibytes = (machine.memoryBytes / 2 ** 30).toFixed(1)
  const commit = machine.commit === null ? '' : `, commit ${machine.commit}`
  return [
    ['Model', model],
    ['Data', `${data}, ${pairs} pairs`],
    [
      'Timing',
      `${rounds} rounds in which every variant embeds the same ${batches * batchSize} sentences of the data in batches of ${batchSize}, tokenising included; the order turns from round to round, and one round went before untimed`,
    ],
    [
      'Outputs',
      `largest difference of a vector’s element between rounds ${timing.outputDrift}, between the two dense models ${timing.controlDifference}`,
    ],
    ['Device', device.name],
    ['Why this device', device.reason],
    ['Machine', `${machine.cpu}, ${machine.cores} cores, ${gibibytes} GiB memory, ${machine.system}`],
    ['Load average', `${machine.loadBefore} before, ${machine.loadAfter} after, over one minute`],
    ['Software', `twofour ${machine.version}${commit}, Node ${machine.node}`],
    ['Date', date],
    ['Duration', `${seconds.toFixed(0)} s in all`],
  ] as const
}

import type { BenchResult, BenchRow } from '../bench/result.js'
import { htmlPage } from '../report/page.js'
import { type Table, textTable } from '../report/table.js'
import { bytes, several } from './amounts.js'
import { interval, times } from './demo/numbers.js'

const columns: Table['columns'] = [
  { title: 'variant', align: 'left' },
  { title: 'texts/s', align: 'right' },
  { title: 'tokens/s', align: 'right' },
  { title: 'ms per batch [middle half]', short: 'ms [middle half]', align: 'right' },
  { title: '× float32 [95 %]', align: 'right' },
  { title: 'largest difference of outputs', short: 'max |diff|', align: 'right' },
  { title: 'what ran', align: 'left' },
]

/** A table for each work, as the terminal shows it; a pipe gets lines as long as they are. */
export function benchText(result: BenchResult, width = 170): string {
  const tables = worksOf(result).map((work) => `${work}\n\n${textTable(tableOf(result, work), width)}\n`)
  return [...tables, ...remarksOf(result), factLine(result)].join('\n')
}

/** The same as one file that needs no other. */
export function benchPage(result: BenchResult): string {
  const works = worksOf(result)
  const rows = works.flatMap((work) => tableOf(result, work).rows.map((row) => [work, ...row]))
  const caption = `${several(result.variants.length, 'variant')}, ${several(result.rounds, 'round')}.`
  return htmlPage({
    title: `twofour bench: ${result.model}`,
    lead: remarksOf(result),
    table: { caption, columns: [{ title: 'batch', align: 'left' }, ...columns], rows },
    plots: [],
    reading: [
      'Every variant runs in a process of its own. A round samples each of them once, and starts with another one each time.',
      '“× float32” is the speed as a multiple of the model’s own dense float32 in the same round: the median over the rounds, and where that median lies with at least 95 % (from fewer than 6 rounds, all of them).',
      'Differences are of last hidden states’ elements from dense float32. A pruned model is another model: its difference is what was taken away, not an error.',
      'A star marks the fastest dense dtype, which is what a sparse variant has to beat.',
    ],
    facts: factsOf(result),
  })
}

function tableOf({ rows }: BenchResult, work: string): Table {
  return { caption: work, columns, rows: rows.filter((row) => row.work === work).map(cellsOf) }
}

function cellsOf(row: BenchRow): string[] {
  const { ran, largestDifference, millisecondsPerBatch, spread, ratio } = row
  return [
    `${row.subject}${row.fastestDense ? ' *' : ''}`,
    significant(row.textsPerSecond),
    significant(row.tokensPerSecond),
    `${significant(millisecondsPerBatch)} ${interval(spread, significant)}`,
    `${times(ratio)} ${interval(row.interval, times)}`,
    largestDifference === 0 ? '0' : largestDifference.toExponential(1),
    ran.map(({ form, matrices }) => `${matrices} ${form}`).join(', '),
  ]
}

function worksOf({ rows }: BenchResult): string[] {
  return [...new Set(rows.map(({ work }) => work))]
}

function remarksOf({ variants, notes, machine, rounds }: BenchResult): string[] {
  const refused = variants.flatMap((each) => (each.refused === null ? [] : [{ ...each.refused, ...each }]))
  const remarks = [
    ...refused.map(({ name, message }) => `Not run: ${name}. ${message}`),
    ...notes,
    '* marks the fastest dense dtype.',
  ]
  if (rounds < 6) remarks.push('From fewer than 6 rounds an interval is all of them, and says little.')
  if (machine.loadBefore > machine.cores / 2) {
    remarks.push(
      `Other work was running at the start (load average ${machine.loadBefore} on ${machine.cores} cores): trust ratios rather than speeds.`,
    )
  }
  return remarks
}

function factLine({ machine, rounds, seconds }: BenchResult): string {
  const { cpu, isa, threads, version, node } = machine
  return `${cpu}, ${isa}, threads ${threads}; twofour ${version}, Node ${node}; ${several(rounds, 'round')}, ${seconds.toFixed(0)} s in all.`
}

function factsOf({ model, machine, rounds, seconds, variants }: BenchResult) {
  const commit = machine.commit === null ? '' : `, commit ${machine.commit}`
  const loaded = variants.flatMap(({ name, memoryBytes, loadSeconds }) =>
    memoryBytes === null ? [] : [`${name} ${bytes(memoryBytes)} in ${loadSeconds!.toFixed(2)} s`],
  )
  return [
    ['Model', model],
    ['Loaded', loaded.join('; ')],
    ['Timing', `${several(rounds, 'round')}, ${seconds.toFixed(0)} s in all`],
    ['Machine', `${machine.cpu}, ${machine.cores} cores, ${bytes(machine.memoryBytes)}, ${machine.system}`],
    ['Instruction set', `${machine.isa}, threads ${machine.threads}`],
    ['Load average', `${machine.loadBefore} before, ${machine.loadAfter} after, over one minute`],
    ['Software', `twofour ${machine.version}${commit}, Node ${machine.node}`],
    ['Date', machine.date],
  ] as const
}

/** Three digits that say something, thousands whole. */
function significant(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3)
}

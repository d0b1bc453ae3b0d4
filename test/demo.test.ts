import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import anyTest, { type TestFn } from 'ava'
import { measure, type Runner } from '../lib/cli/demo/measure.js'
import { cellsOf, demoTable } from '../lib/cli/demo/report.js'
import type { DemoResult } from '../lib/cli/demo/result.js'
import { runDemo } from '../lib/cli/demo/run-demo.js'
import { variantsOf } from '../lib/cli/demo/variants.js'
import { type Shape, verdictOf, whyOf } from '../lib/cli/demo/why.js'
import { demo } from '../lib/cli/demo.js'
import { parseCommandLine } from '../lib/cli/options.js'
import { Output } from '../lib/cli/output.js'
import { Checkpoint, Encoder, evaluate, TwofourError } from '../lib/index.js'
import { escapeText } from '../lib/report/markup.js'
import { temporaryDirectory } from './temporary-directory.js'

const root = join(import.meta.dirname, '..', 'models', 'demo')
const bundled = { model: join(root, 'model'), data: join(root, 'eval.tsv') }

type Done = { result: DemoResult & { report: string }; html: string }
const test = anyTest as TestFn<Done>

/** The command as a terminal runs it: what it prints. */
async function command(words: readonly string[], signal = new AbortController().signal): Promise<string> {
  const { args, options } = parseCommandLine(demo, words)
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const output = new Output({ stdin, stdout, stderr }, options.flag('json'), signal)
  await demo.run({ args, options, output, signal, onProgress: () => {}, stdin })
  return String(stdout.read() ?? '')
}

test.before(async (t) => {
  const out = join(temporaryDirectory(), 'deep', 'report.html')
  const stdout = await command(['--limit', '40', '--rounds', '1', '--out', out, '--json'])
  t.context = { result: JSON.parse(stdout), html: readFileSync(out, 'utf8') }
})

test('every variant has its row, the dense model the first', async (t) => {
  const { rows, pairs } = t.context.result
  const { base } = await Checkpoint.open(bundled.model)
  t.is(pairs, 40)
  t.deepEqual(
    rows.map((row) => row.variant),
    variantsOf(base).map(({ name }) => name),
  )
  t.is(rows.length, 12)
})

test('the dense row is what evaluate says', async (t) => {
  const encoder = await Encoder.load(bundled.model)
  try {
    const { value, interval } = await evaluate(encoder, { task: 'similarity', data: bundled.data, limit: 40 })
    const [dense] = t.context.result.rows
    t.is(dense!.spearman, value)
    t.deepEqual(dense!.interval, interval)
    t.is(dense!.difference, null)
    t.is(dense!.ratio, 1)
  } finally {
    encoder.dispose()
  }
})

test('zeros and parameters are counted as the recipes ask', (t) => {
  const row = (name: string) => t.context.result.rows.find(({ variant }) => variant === name)!
  for (const [name, zeros] of [
    ['unstructured 50 %', 0.5],
    ['unstructured 90 %', 0.9],
    ['2:4', 0.5],
    ['2:4 random', 0.5],
    ['heads 25 %', 1 / 12],
    ['heads 50 %', 1 / 6],
    ['neurons 50 %', 1 / 3],
    ['heads 25 % + neurons 25 %', 1 / 4],
    ['last layer removed', 1 / 3],
  ] as const) {
    t.true(Math.abs(row(name).zeros - zeros) < 1e-5, name)
  }
  t.is(row('2:4').parametersKept, 1)
  t.true(row('heads 50 %').parametersKept < row('heads 25 %').parametersKept)
  t.true(row('neurons 50 %').parametersKept < row('neurons 25 %').parametersKept)
})

test('a difference is the variant minus dense on the same pairs', (t) => {
  const [dense, ...others] = t.context.result.rows
  for (const { spearman, difference, differenceInterval } of others) {
    t.true(Math.abs(difference! - (spearman - dense!.spearman)) < 1e-9)
    t.true(differenceInterval![0] <= difference! && difference! <= differenceInterval![1])
  }
})

test('one round of timing calls nothing faster or slower', (t) => {
  const { rows, timing, remarks } = t.context.result
  t.is(timing.rounds, 1)
  t.deepEqual([...new Set(rows.slice(1).map(({ verdict }) => verdict))], ['unknown'])
  t.true(remarks.some((text) => text.includes('fewer than 5 rounds')))
})

test('equal weights gave equal outputs, in every round and in both dense models', (t) => {
  t.is(t.context.result.timing.outputDrift, 0)
  t.is(t.context.result.timing.controlDifference, 0)
})

test('it says that nothing was retrained and that zeros cost as much as other weights', (t) => {
  const said = t.context.result.remarks.join(' ')
  t.regex(said, /in one shot: nothing was retrained/)
  t.regex(said, /zeros cost as much as other weights/)
  t.true(t.context.result.remarks.every((text) => t.context.html.includes(escapeText(text))))
})

test('the page shows the table that the JSON holds, and two plots of its points', (t) => {
  const { result, html } = t.context
  const rows = [...html.matchAll(/<tr role="row">(.*?)<\/tr>/gs)].slice(1)
  const shown = rows.map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => cell!),
  )
  t.deepEqual(
    shown,
    result.rows.map((row) => cellsOf(row).map(escapeText)),
  )
  t.deepEqual(demoTable(result).rows, result.rows.map(cellsOf))
  t.is(html.match(/<svg /g)?.length, 2)
  t.is(html.match(/class="point /g)?.length, 2 * result.rows.length)
  t.notRegex(html, /NaN|undefined|https?:|src=/)
})

test('rounds start with another runner each, and ratios are taken within a round', async (t) => {
  const order: number[] = []
  let now = 0
  const delays = [24, 24, 8]
  const runners = delays.map((delay, index): Runner => {
    return async ([text]) => {
      order.push(index)
      now += delay
      return Float32Array.of(index === 1 ? 0.5 : 0, text!.length)
    }
  })
  const options = { rounds: 3, deadline: Number.POSITIVE_INFINITY, clock: () => now }
  const { speeds, rounds, outputDrift, controlDifference } = await measure(runners, [['a']], options)
  t.deepEqual(order, [0, 1, 2, 0, 1, 2, 1, 2, 0, 2, 0, 1])
  t.is(rounds, 3)
  t.is(speeds[0]!.ratio, 1)
  t.deepEqual(speeds[2]!, { sentencesPerSecond: 125, ratio: 3, spread: [3, 3] })
  t.is(outputDrift, 0)
  t.is(controlDifference, 0.5)
})

test('past its deadline timing ends, with rounds enough to tell noise', async (t) => {
  const runners: Runner[] = [async () => Float32Array.of(1), async () => Float32Array.of(1)]
  const { rounds } = await measure(runners, [['a']], { rounds: 50, deadline: 0 })
  t.is(rounds, 5)
})

test('faster is only what lies outside of the noise', (t) => {
  const speed = (low: number, high: number) => {
    return { sentencesPerSecond: 1, ratio: (low + high) / 2, spread: [low, high] as const }
  }
  const control = speed(0.95, 1.08)
  t.is(verdictOf(speed(1.09, 1.3), control, 9), 'faster')
  t.is(verdictOf(speed(1.05, 1.3), control, 9), 'same')
  t.is(verdictOf(speed(0.7, 0.9), control, 9), 'slower')
  t.is(verdictOf(speed(0.7, 0.96), control, 9), 'same')
  t.is(verdictOf(speed(0.99, 1.3), speed(0.8, 0.9), 9), 'same')
  t.is(verdictOf(speed(2, 3), control, 4), 'unknown')
})

test('the note says why, and trusts no speed that zeros cannot have brought', (t) => {
  const dense: Shape = { heads: 36, neurons: 4608, layers: 3, matrices: 12, sparse: 0 }
  t.is(whyOf('same', dense, dense), 'Same speed: zeros run dense on this backend.')
  t.regex(whyOf('faster', dense, dense), /take the difference for noise/)
  t.is(whyOf('faster', { ...dense, sparse: 12 }, dense), 'Faster: 12 of 12 matrices run in a sparse form.')
  t.is(whyOf('faster', { ...dense, heads: 27 }, dense), 'Faster: smaller matrices, 27 of 36 heads left.')
  t.regex(whyOf('faster', { ...dense, layers: 2, heads: 24, neurons: 3072 }, dense), /2 of 3 layers left/)
  t.regex(whyOf('same', { ...dense, neurons: 3456 }, dense), /^Same within the spread/)
})

test('a run that is stopped leaves no report behind', async (t) => {
  const directory = temporaryDirectory()
  const stopped = new AbortController()
  setTimeout(() => stopped.abort(new Error('enough')), 300)
  const out = join(directory, 'report.html')
  await t.throwsAsync(command(['--limit', '40', '--out', out], stopped.signal), { message: 'enough' })
  t.deepEqual(readdirSync(directory), [])
})

test('an abort between two variants rejects with its reason', async (t) => {
  const controller = new AbortController()
  const onProgress = ({ done }: { done: number }) => {
    if (done === 2) controller.abort(new Error('after two'))
  }
  const options = { ...bundled, limit: 10, signal: controller.signal, onProgress }
  await t.throwsAsync(runDemo(options), { message: 'after two' })
})

test('data that is missing or has other columns is refused by name, and so is a report that is a directory', async (t) => {
  const directory = temporaryDirectory()
  const file = join(directory, 'pairs.tsv')
  writeFileSync(file, 'text\tlabel\na\t1\n')
  const refused = async (data: string) =>
    t.throwsAsync(runDemo({ ...bundled, data }), { instanceOf: TwofourError })
  t.is((await refused(join(directory, 'none.tsv')))?.code, 'FILE_NOT_FOUND')
  t.is((await refused(file))?.code, 'DATA_INVALID')

  mkdirSync(join(directory, 'taken'))
  const taken = await t.throwsAsync(command(['--out', join(directory, 'taken')]), {
    instanceOf: TwofourError,
  })
  t.is(taken?.code, 'FILE_UNWRITABLE')
})

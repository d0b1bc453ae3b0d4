import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import fc from 'fast-check'
import { Checkpoint, prune } from 'twofour'
import { compare } from '../dist/bench/compare.js'
import { encoderSubject } from '../dist/bench/encoder-subject.js'
import { geometricMean, medianInterval, quantile } from '../dist/bench/quantile.js'
import type { BenchResult } from '../dist/bench/result.js'
import { largestDifference } from '../dist/bench/rounds.js'
import { rowsOf } from '../dist/bench/run-bench.js'
import { usualNames, usualVariants } from '../dist/bench/variants.js'
import { shapeWorks, sortedByLength, textWork } from '../dist/bench/works.js'
import { addon } from '../lib/addon.js'
import { cli, demoModel, json } from './command-line.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

const quick = ['--batch', '2', '--length', '4', '--rounds', '1']

/** Ids of the subjects' processes that this one started and that still are. */
function children(): string[] {
  const read = (id: string, name: string) => {
    try {
      return readFileSync(`/proc/${id}/${name}`, 'utf8')
    } catch {
      return ''
    }
  }
  const isOurs = (id: string) => new RegExp(`^PPid:\\s${process.pid}$`, 'm').test(read(id, 'status'))
  // A process that has ended and is not yet collected has no command line.
  return readdirSync('/proc').filter((id) => isOurs(id) && read(id, 'cmdline').includes('bench/child.js'))
}

test.serial('the JSON holds every variant, and a row for each that ran at each work', async (t) => {
  const model = await makeCheckpoint()
  const result = await json<BenchResult>(['bench', model, ...quick, '--threads', '1'])
  t.deepEqual(Object.keys(result), ['model', 'variants', 'rows', 'rounds', 'machine', 'notes', 'seconds'])
  t.deepEqual(
    result.variants.map(({ name }) => name),
    [...usualNames],
  )
  const ran = result.variants.filter(({ refused }) => refused === null).map(({ name }) => name)
  t.is(ran[0], 'float32')
  t.deepEqual(
    result.rows.map(({ work, subject }) => `${work}: ${subject}`),
    ran.map((name) => `2 × 4 tokens: ${name}`),
  )
  for (const { name, refused, memoryBytes, loadSeconds } of result.variants) {
    if (refused === null) t.true(memoryBytes! > 0 && loadSeconds! > 0, name)
    else t.regex(refused.message, /\.$/, name)
  }
  const { machine } = result
  for (const field of [
    'cpu',
    'isa',
    'threads',
    'loadBefore',
    'loadAfter',
    'node',
    'version',
    'commit',
    'date',
  ])
    t.true(field in machine, field)
})

test.serial('a row says speed, ratio and difference, and what ran', async (t) => {
  const words = ['--batch', '1,2', '--length', '4', '--rounds', '1', '--variants', 'half of the heads']
  const { rows } = await json<BenchResult>(['bench', demoModel, ...words])
  t.is(rows.length, 4)
  for (const work of ['1 × 4 tokens', '2 × 4 tokens']) {
    const [dense, pruned] = rows.filter((row) => row.work === work)
    t.like(dense, {
      subject: 'float32',
      ratio: 1,
      interval: [1, 1],
      largestDifference: 0,
      fastestDense: true,
    })
    t.like(pruned, { subject: 'half of the heads', fastestDense: false, tokens: dense!.tokens })
    t.true(pruned!.largestDifference > 0)
    t.is(pruned!.ratio, dense!.seconds / pruned!.seconds)
    t.is(dense!.tokensPerSecond, dense!.tokens / dense!.seconds)
    t.is(
      dense!.ran.reduce((sum, { matrices }) => sum + matrices, 0),
      12,
    )
  }
})

test.serial('masked and removed are the same model, and both are there with a recipe of heads', async (t) => {
  const words = ['--pattern', 'heads', '--remove', '4', '--variants', 'masked,removed']
  const { rows } = await json<BenchResult>(['bench', demoModel, ...quick, ...words])
  const [, masked, removed] = rows
  t.deepEqual([masked!.subject, removed!.subject], ['masked', 'removed'])
  t.true(masked!.largestDifference > 0.01)
  t.true(Math.abs(masked!.largestDifference - removed!.largestDifference) < 1e-4)
})

test.serial('a model that has zeros is timed with them left out, too', async (t) => {
  const directory = join(temporaryDirectory(), 'pruned')
  const checkpoint = await Checkpoint.open(await makeCheckpoint())
  const plan = await prune(checkpoint, { steps: [{ pattern: '2:4' }] })
  await (await plan.apply(checkpoint)).save(directory)
  const { variants, rows } = await json<BenchResult>([
    'bench',
    directory,
    ...quick,
    '--variants',
    'its zeros',
  ])
  t.deepEqual(
    variants.map(({ name, sparsity }) => [name, sparsity]),
    [
      ['float32', 'off'],
      ['its zeros', 'auto'],
    ],
  )
  t.true(rows[1]!.largestDifference < 1e-4)
})

test.serial('own texts keep their order and their lengths', async (t) => {
  const file = join(temporaryDirectory(), 'texts.txt')
  writeFileSync(file, 'One text.\n\nAnother text, a longer one.\nA third.\n')
  const words = ['--texts', file, '--batch', '2', '--rounds', '1', '--variants', 'float32']
  const { rows, notes } = await json<BenchResult>(['bench', demoModel, ...words])
  t.like(rows[0], { work: 'texts.txt, batches of 2', texts: 3, batches: 2 })
  t.is(rows[0]!.millisecondsPerBatch, (rows[0]!.seconds * 1000) / 2)
  t.deepEqual(notes, ['Texts are tokenised before the clock starts.'])
})

test.serial('the page holds the table, and asks for nothing from anywhere', async (t) => {
  const file = join(temporaryDirectory(), 'bench.html')
  const words = [...quick, '--variants', 'half of the neurons', '--html', file]
  const { status, stdout } = await cli(['bench', demoModel, ...words])
  t.is(status, 0)
  const html = readFileSync(file, 'utf8')
  for (const text of ['2 × 4 tokens', 'half of the neurons']) {
    t.true(stdout.includes(text), text)
    t.true(html.includes(text), text)
  }
  t.notRegex(html, /https?:|<script|<link/)
})

test('the median’s interval is of ranks: the extremes to 8, the second ones from 9', (t) => {
  const upTo = (n: number) => Array.from({ length: n }, (_, at) => at + 1)
  t.deepEqual(medianInterval([3]), [3, 3])
  t.deepEqual(medianInterval([5, 1, 3]), [1, 5])
  t.deepEqual(medianInterval(upTo(8)), [1, 8])
  t.deepEqual(medianInterval(upTo(9)), [2, 8])
  t.deepEqual(medianInterval(upTo(20)), [6, 15])
})

test('the interval holds the median, and the mean of ratios turns with them', (t) => {
  const numbers = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(numbers, (values) => {
      const [low, high] = medianInterval(values)
      const median = quantile(values, 0.5)
      t.true(low <= median && median <= high)
      const turned = values.map((value) => 1 / value)
      t.true(Math.abs(geometricMean(values) * geometricMean(turned) - 1) < 1e-9)
    }),
  )
})

test('works hold what they say, and no padding', (t) => {
  const works = shapeWorks({ vocab: 50 }, [1, 3], [2, 5])
  t.deepEqual(
    works.map(({ name }) => name),
    ['1 × 2 tokens', '3 × 2 tokens', '1 × 5 tokens', '3 × 5 tokens'],
  )
  for (const id of works.flatMap(({ batches }) => batches.flat(2))) t.true(id >= 2 && id < 50)
  t.deepEqual(textWork('texts', [[2], [3, 4], [5]], 2).batches, [[[2], [3, 4]], [[5]]])
  t.deepEqual(sortedByLength([[2, 3], [4]]), [[4], [2, 3]])
})

test('the door for one linear gives a time for every run', (t) => {
  const request = { rows: 2, columns: 3, tokens: 1, format: 'float32', sparsity: 'off' } as const
  const [weight, bias, input] = [6, 2, 3].map((count) => new Float32Array(count).fill(1))
  const found = addon().ops.timeLinear('cpu', {
    ...request,
    ...{ weight: weight!, bias: bias!, input: input!, repeats: 5 },
  })
  t.is(found.length, 5)
  t.true(found.every((seconds) => seconds >= 0))
})

test('a difference that is no number is infinite', (t) => {
  t.is(largestDifference(Float32Array.of(1, 2), Float32Array.of(1.5, 2)), 0.5)
  t.is(largestDifference(Float32Array.of(1, Number.NaN), Float32Array.of(1, 2)), Number.POSITIVE_INFINITY)
})

test('the fastest dense dtype is the one to beat at each work, and no sparse variant is', (t) => {
  const timing = (work: string, subject: string, seconds: number) => ({
    ...{ work, subject, seconds, texts: 2, tokens: 8, batches: 1, rounds: [seconds], ran: [] },
    ...({ quartiles: [seconds, seconds], ratio: 1, interval: [1, 1], largestDifference: 0 } as const),
  })
  const timings = [
    ...[timing('a', 'float32', 3), timing('a', 'int8', 2), timing('a', '2:4', 1)],
    ...[timing('b', 'float32', 1), timing('b', 'int8', 2), timing('b', '2:4', 3)],
  ]
  const variants = usualVariants({ layers: [] })
  t.deepEqual(
    rowsOf(variants, timings).map(({ fastestDense }) => fastestDense),
    [false, true, false, true, false, false],
  )
})

test.serial('what cannot be loaded is listed with its sentence, unless it is required', async (t) => {
  const model = await makeCheckpoint()
  const load = { threads: 1 } as const
  const broken = (required: boolean) => ({
    subjects: [
      encoderSubject('whole', { model, recipe: null, load }),
      encoderSubject('half', { model, recipe: null, load: { dtype: 'float16' } }, required),
    ],
    works: async () => shapeWorks({ vocab: 64 }, [1], [2]),
    rounds: 1,
    sampleSeconds: 0,
  })
  const { subjects, timings } = await compare(broken(false))
  t.is(subjects[1]!.facts, null)
  t.like(subjects[1]!.refused, { code: 'DTYPE_UNAVAILABLE' })
  t.deepEqual(
    timings.map(({ subject }) => subject),
    ['whole'],
  )
  await t.throwsAsync(compare(broken(true)), { code: 'DTYPE_UNAVAILABLE' })
  t.deepEqual(children(), [])
})

test.serial('the children end when the work is stopped', async (t) => {
  const controller = new AbortController()
  const words = ['bench', demoModel, '--rounds', '1000', '--variants', 'half of the heads']
  const running = cli(words, { signal: controller.signal })
  while (children().length < 2) await sleep(20)
  controller.abort(new TypeError('Enough.'))
  t.like(await running, { status: 2, stderr: 'Enough.\nSee `twofour bench --help`.\n' })
  t.deepEqual(children(), [])
})

test('tune prints what was measured, matrix by matrix', async (t) => {
  const { status, stdout } = await cli(['tune', demoModel])
  t.is(status, 0)
  t.regex(stdout, /12 matrices had nothing to measure\.\nCPU, .*: loaded and measured in \d+\.\d s\.\n$/)
  const found = await json<{ matrices: { name: string }[] }>(['tune', demoModel])
  t.deepEqual(Object.keys(found), ['model', 'device', 'seconds', 'matrices'])
  t.is(found.matrices.length, 12)
})

test('tune shows both times of every matrix with zeros, and what runs', async (t) => {
  const directory = join(temporaryDirectory(), 'pruned')
  const checkpoint = await Checkpoint.open(await makeCheckpoint())
  const plan = await prune(checkpoint, { steps: [{ pattern: '2:4' }] })
  await (await plan.apply(checkpoint)).save(directory)
  const { status, stdout } = await cli(['tune', directory, '--threads', '1'])
  t.is(status, 0)
  t.regex(stdout, /^matrix +size +zeros +tokens up to +dense µs +sparse µs +runs +why\n/)
  t.regex(stdout, /layers\.0\.\S+ +\d+ × 32 +50\.00 % +\d+ +\d+\.\d +\d+\.\d +\S/)
})

test('misuse is refused by name, before anything is loaded', async (t) => {
  const texts = join(temporaryDirectory(), 'empty.txt')
  writeFileSync(texts, '\n')
  mkdirSync(`${texts}.html`)
  for (const [words, status, message] of [
    [['--batch', '1,0'], 2, /^Expected --batch to be whole numbers from 1 .* got '1,0'/],
    [['--length', 'long'], 2, /^Expected --length to be whole numbers/],
    [['--length', '4096'], 2, /^Expected `--length` to be at most 512/],
    [['--rounds', '0'], 2, /^Expected --rounds to be a whole number from 1, got '0'/],
    [['--variants', 'int9'], 2, /^Expected `--variants` to be names of float32, .* got 'int9'/],
    [['--dtype', 'int8'], 2, /^The dtypes are variants/],
    [['--fraction', '0.5'], 2, /^--fraction is for a step by options: add --pattern NAME/],
    [['--limit', '3'], 2, /^--limit is for --texts FILE/],
    [['--texts', texts, '--length', '4'], 2, /^Expected one of --texts and --length, got both/],
    [['--texts', texts], 1, /to hold texts, one a line, got none/],
    [['--texts', 'nowhere.txt'], 1, /^Expected `nowhere.txt` to be a file with texts/],
    [['--html', `${texts}.html`], 1, /to be a file to write, got a directory/],
    [['--recipe', 'a.json', '--pattern', '2:4'], 2, /^Expected one of --recipe/],
    [['--pattern', 'neurons', '--fraction', '7', ...quick], 2, /^Expected `--fraction` to be/],
    [['--rouns', '1'], 2, /^Unknown option `--rouns`\. Did you mean `--rounds`\?/],
  ] as const) {
    const ran = await cli(['bench', demoModel, ...words])
    t.is(ran.status, status, words.join(' '))
    t.regex(ran.stderr, message)
    t.is(ran.stdout, '')
  }
  t.like(await cli(['bench']), { status: 2 })
  t.like(await cli(['bench', 'nowhere']), { status: 1 })
})

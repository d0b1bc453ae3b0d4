/** One calibrated scale for 8-bit inputs: chosen by time, both errors shown. Its numbers are checked in C++ too. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Checkpoint, Encoder, type EncoderOptions, prune } from 'twofour'
import { runChild, twofourUrl } from './child.js'
import { cli } from './command-line.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'
import { cudaTest } from './test-device.js'
import { put, vocabTxt } from './tiny-tokenizers.js'

type Matrix = ReturnType<Encoder['explain']>[number]
type Scales = NonNullable<Matrix['scales']>

const model = makeCheckpoint({ hidden: 64, heads: 2, inner: 128, layers: 1, pooler: false, seed: 77 })
const sample = Array.from({ length: 6 }, (_, s) =>
  Array.from({ length: 20 }, (_, i) => (i * 37 + s * 11) % 60),
)

/** Two classes of token counts: up to 64, and more. */
const program = `
  import { Checkpoint, prune } from ${JSON.stringify(twofourUrl)}
  const [directory, dtype, pattern, budget, sequences] = process.argv.slice(1)
  const checkpoint = await Checkpoint.open(directory)
  const steps = [{ pattern: '2:4' }]
  const source = pattern === '2:4' ? await (await prune(checkpoint, { steps })).apply(checkpoint) : checkpoint
  const options = { device: 'cuda', dtype, sparsity: pattern === '2:4' ? 'require' : 'off' }
  const sample = JSON.parse(sequences)
  const tuned = { ...options, maxTokens: 120, tuning: { budget: Number(budget) } }
  const calibrated = await Encoder.load(source, { ...tuned, calibration: sample })
  const plain = await Encoder.load(source, options)
  const wanted = await Encoder.load(source, { device: 'cuda', dtype: 'float32', sparsity: 'off' })
  const states = async (encoder) => (await encoder.run(sample.slice(0, 2))).lastHiddenState
  const [got, usual, exact] = [await states(calibrated), await states(plain), await states(wanted)]
  const norm = (of) => Math.sqrt(of.reduce((sum, x) => sum + x * x, 0))
  const error = (of) => norm(of.map((x, at) => x - exact[at])) / norm(exact)
  const result = { matrices: calibrated.explain(), error: error(got), equal: got.every((x, at) => x === usual[at]) }
  for (const encoder of [calibrated, plain, wanted]) encoder.dispose()
  process.stdout.write(JSON.stringify(result))`

type Trial = { readonly dtype: string; readonly pattern?: '2:4' | 'none'; readonly budget?: number }
type Result = { readonly matrices: readonly Matrix[]; readonly error: number; readonly equal: boolean }

/** Loads and runs the model in a process with an emulated device of these settings. */
async function calibrate(
  t: ExecutionContext,
  emulation: string,
  { dtype, pattern = 'none', budget = Number.POSITIVE_INFINITY }: Trial,
  cache = temporaryDirectory('calibration'),
): Promise<Result & { readonly scales: readonly Scales[] }> {
  const args = [await model, dtype, pattern, String(budget), JSON.stringify(sample)]
  const environment = { XDG_CACHE_HOME: cache, TWOFOUR_EMULATION: `abort=1,${emulation}` }
  const { stdout, stderr, code } = await runChild(program, args, [], environment)
  t.is(code, 0, stderr)
  const result: Result = JSON.parse(stdout)
  return { ...result, scales: result.matrices.map(({ scales }) => scales!) }
}

const trials: readonly [dtype: string, pattern: '2:4' | 'none', library: string, error: number][] = [
  ['int8', '2:4', 'cuSPARSELt', 0.02],
  ['float8', 'none', 'cuBLASLt', 0.06],
  ['float8', '2:4', 'cuSPARSELt', 0.06],
]

for (const [dtype, pattern, library, most] of trials) {
  cudaTest(
    `one scale for all tokens of ${dtype} runs by ${library} where that was measured faster`,
    async (t) => {
      const { scales, error, equal } = await calibrate(t, 'scaled_gain=100', { dtype, pattern })
      const [first, second] = scales[0]!.buckets
      t.is(first!.chosen, 'tensor')
      t.true(first!.tensorMicroseconds! < first!.tokenMicroseconds!)
      t.regex(
        first!.reason,
        new RegExp(`\\(${library}\\) is faster by \\d\\.\\d\\d ×, measured at 33 tokens`),
      )
      t.is(second!.tokens, null)
      t.is(second!.chosen, 'tensor')
      t.regex(second!.reason, /measured at (65|120) tokens/)
      t.false(equal)
      t.true(error < most, `${error}`)
    },
  )
}

cudaTest('the errors of both are shown for every linear, and are those of 8 bits', async (t) => {
  for (const [dtype, pattern, , most] of trials) {
    const { scales } = await calibrate(t, 'scaled_gain=100', { dtype, pattern, budget: 0 })
    t.is(scales.length, 4)
    for (const { largest, tokenError, tensorError, reason, buckets } of scales) {
      t.true(largest > 0.5 && largest < 10, `${largest}`)
      for (const error of [tokenError, tensorError!]) t.true(error > 0 && error < most, `${dtype} ${error}`)
      t.is(reason, '')
      t.deepEqual(
        buckets.map(({ chosen }) => chosen),
        ['token', 'token'],
      )
      for (const bucket of buckets) t.regex(bucket.reason, /^Not measured/)
    }
  }
})

cudaTest('where a scale for each token is faster, nothing changes', async (t) => {
  const { scales, equal } = await calibrate(t, 'scaled_gain=30', { dtype: 'float8' })
  const [first] = scales[0]!.buckets
  t.is(first!.chosen, 'token')
  t.regex(first!.reason, /is slower by \d\.\d\d ×/)
  t.true(equal)
})

cudaTest('an algorithm that is fast and wrong is left out', async (t) => {
  const { scales, error } = await calibrate(t, 'cusparselt_wrong_id=2', { dtype: 'int8', pattern: '2:4' })
  t.is(scales[0]!.buckets[0]!.chosen, 'tensor')
  t.true(error < 0.02, `${error}`)
})

cudaTest('what was measured is kept, and not measured again', async (t) => {
  const cache = temporaryDirectory('calibration')
  const { scales: fresh } = await calibrate(t, 'scaled_gain=100', { dtype: 'float8' }, cache)
  const { scales: known } = await calibrate(t, 'scaled_gain=100', { dtype: 'float8', budget: 0 }, cache)
  t.is(known[0]!.buckets[0]!.chosen, 'tensor')
  t.deepEqual(known, fresh)
})

const missing: readonly [what: string, emulation: string, trial: Trial, reason: RegExp][] = [
  ['dense int8', 'compute=90', { dtype: 'int8' }, /^cuBLASLt gives no 16-bit numbers from int8/],
  ['dense float8 before 9.0', 'compute=89', { dtype: 'float8' }, /on compute capability 9\.0 alone/],
  [
    'cuSPARSELt without a bias for 8 bits',
    'cusparselt_bias=0',
    { dtype: 'int8', pattern: '2:4' },
    /^The library refused one scale for all tokens, or gave other numbers/,
  ],
  [
    'a product with scales that is wrong',
    'scaled_wrong=1',
    { dtype: 'int8', pattern: '2:4' },
    /^The library refused one scale for all tokens, or gave other numbers/,
  ],
]

for (const [what, emulation, trial, reason] of missing) {
  cudaTest(`${what} has a scale for each token alone, and says why`, async (t) => {
    const { scales, equal } = await calibrate(t, emulation, trial)
    for (const each of scales) {
      t.is(each.tensorError, null)
      t.regex(each.reason, reason)
      t.true(each.tokenError < 0.1, `${each.tokenError}`)
    }
    t.true(equal)
  })
}

const load = async (options: EncoderOptions, directory = model) =>
  Encoder.load(await directory, { device: 'cuda', tuning: { budget: 0 }, ...options })

cudaTest('a model is calibrated with texts as with their ids', async (t) => {
  const directory = await makeCheckpoint({ vocab: 21, layers: 1 })
  await put(directory, { 'vocab.txt': vocabTxt })
  const texts = ['the quick fox', ['the fox', 'jumps']] as const
  const byText = await load({ dtype: 'float8', calibration: texts }, Promise.resolve(directory))
  const tokenizer = await byText.tokenizer()
  const ids = await Promise.all(
    texts.map(async (text) => {
      const { inputIds, tokenTypeIds } =
        typeof text === 'string' ? await tokenizer.encode(text) : await tokenizer.encode(...text)
      return { inputIds, tokenTypeIds }
    }),
  )
  const byId = await load({ dtype: 'float8', calibration: ids }, Promise.resolve(directory))
  t.deepEqual(byText.explain(), byId.explain())
  byText.dispose()
  byId.dispose()
})

cudaTest(
  'layers kept in float32, and models whose layers share weights, are calibrated as far as they are 8 bits',
  async (t) => {
    const directory = await makeCheckpoint({ family: 'albert', layers: 3 })
    const checkpoint = await Checkpoint.open(directory)
    const pruned = await (await prune(checkpoint, { steps: [{ pattern: '2:4' }] })).apply(checkpoint)
    const encoder = await Encoder.load(pruned, {
      device: 'cuda',
      dtype: 'int8',
      keepFloat32: ['ffnOut'],
      calibration: sample,
      tuning: { budget: 0 },
    })
    const calibrated = encoder.explain().filter(({ scales }) => scales !== undefined)
    t.deepEqual(
      calibrated.map(({ name }) => name.split('.').at(-1)),
      ['query+key+value', 'attentionOutput', 'ffnIn'],
    )
    for (const { scales } of calibrated) t.true(scales!.tensorError! > 0 && scales!.tensorError! < 0.05)
    encoder.dispose()
  },
)

cudaTest('without calibration explain() says nothing of scales', async (t) => {
  const encoder = await load({ dtype: 'int8' })
  t.true(encoder.explain().every(({ scales }) => scales === undefined))
  encoder.dispose()
})

const misuse: readonly [what: string, options: EncoderOptions, error: object][] = [
  [
    'beside bfloat16',
    { dtype: 'bfloat16', calibration: sample },
    { instanceOf: TypeError, message: /'bfloat16', which has no scales/ },
  ],
  [
    'beside float32',
    { dtype: 'float32', calibration: sample },
    { instanceOf: TypeError, message: /'float32', which has no scales/ },
  ],
  [
    'that is empty',
    { dtype: 'int8', calibration: [] },
    { instanceOf: RangeError, message: /at least one sequence or text, got none/ },
  ],
  [
    'that is no array',
    { dtype: 'int8', calibration: 'texts' as never },
    { instanceOf: TypeError, message: /`calibration` to be an array/ },
  ],
  [
    'with an id outside of the vocabulary',
    { dtype: 'int8', calibration: [[1], [2, 64]] },
    { instanceOf: RangeError, message: /`calibration\[1\]\.inputIds\[1\]` .* got 64/ },
  ],
  [
    'with a text among which is none',
    { dtype: 'int8', calibration: ['a', 7] as never },
    { instanceOf: TypeError, message: /`calibration\[1\]`/ },
  ],
  [
    'with an empty sequence',
    { dtype: 'int8', calibration: [[]] },
    { instanceOf: RangeError, message: /`calibration\[0\]` to have at least one token/ },
  ],
]

for (const [what, options, error] of misuse) {
  cudaTest(`a calibration ${what} is refused`, async (t) => {
    await t.throwsAsync(() => load(options), error)
  })
}

test('the CPU, which has a scale for each token, refuses to be calibrated', async (t) => {
  await t.throwsAsync(
    async () => Encoder.load(await model, { device: 'cpu', dtype: 'int8', calibration: sample }),
    {
      code: 'DTYPE_UNAVAILABLE',
      message: /every token of 8 bits has a scale of its own/,
    },
  )
})

cudaTest('the command line names what is wrong with a file for calibrating', async (t) => {
  const file = join(temporaryDirectory('calibration'), 'ids.json')
  writeFileSync(file, '[[1, 99]]')
  const ran = await cli([
    'eval',
    await model,
    ...calibratedBy(file, 'cuda'),
    '--task',
    'similarity',
    '--data',
    file,
  ])
  t.not(ran.status, 0)
  t.regex(ran.stderr, /`calibration\[0\]\.inputIds\[1\]` .* got 99/)
})

test('the command line takes texts for calibrating, one a line', async (t) => {
  const file = join(temporaryDirectory('calibration'), 'texts.txt')
  writeFileSync(file, 'a fox\nanother\n')
  const ran = await cli(['encode', await model, 'a text', ...calibratedBy(file, 'cpu')])
  t.not(ran.status, 0)
  t.regex(ran.stderr, /Only CUDA devices are calibrated/)
})

function calibratedBy(file: string, device: string): string[] {
  return ['--device', device, '--dtype', 'int8', '--calibration', file]
}

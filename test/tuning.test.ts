import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Checkpoint, Encoder, type EncoderOptions, prune } from 'twofour'
import { equalWithin } from './equal.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

const shape = { hidden: 64, heads: 4, inner: 256, layers: 2, vocab: 100, positions: 200 }
const step = { pattern: 'unstructured', fraction: 0.9, per: 'matrix', layers: [1] } as const
const sequences = [[5, 6, 7], Array.from({ length: 150 }, (_, i) => i % 100)]

/** Its second layer has 10 % of its weights left. */
async function halfSparse(): Promise<Checkpoint> {
  const checkpoint = await Checkpoint.open(await makeCheckpoint({ ...shape, seed: 24 }))
  return (await prune(checkpoint, { steps: [step] })).apply(checkpoint)
}
const model = halfSparse()

/** Under a cache of its own: the tests that set it run serially. */
async function withCache<T>(body: (file: string) => Promise<T>): Promise<T> {
  const before = process.env.XDG_CACHE_HOME
  const cache = await temporaryDirectory()
  process.env.XDG_CACHE_HOME = cache
  try {
    return await body(join(cache, 'twofour', 'cpu-tuning.json'))
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME
    else process.env.XDG_CACHE_HOME = before
  }
}

const load = async (options: EncoderOptions = {}) => Encoder.load(await model, { device: 'cpu', ...options })
const linear = (encoder: Encoder, name: string) => encoder.explain().find((report) => report.name === name)!
const measureAll = { tuning: { budget: Number.POSITIVE_INFINITY } }

test.serial(
  'explain says for each linear what runs per bucket, with both times and the reason',
  async (t) => {
    await withCache(async () => {
      const encoder = await load(measureAll)
      const dense = linear(encoder, 'layers.0.ffnIn')
      t.deepEqual(
        dense.buckets.map(({ tokens, form, reason }) => ({ tokens, form, reason })),
        [{ tokens: null, form: 'float32', reason: 'The matrix has no zeros.' }],
      )

      const sparse = linear(encoder, 'layers.1.ffnIn')
      t.is(sparse.buckets.at(-1)!.tokens, null)
      for (const { form, denseMicroseconds, sparseMicroseconds, reason } of sparse.buckets) {
        t.true(denseMicroseconds! > 0 && sparseMicroseconds! > 0)
        t.is(form === 'sparse float32', denseMicroseconds! / sparseMicroseconds! >= 1.05)
        t.regex(reason, /^Sparse is (faster|slower) by .* measured at \d+ tokens?\.$/)
      }
      const held = new Set(sparse.forms.map(({ form }) => form))
      t.deepEqual(held, new Set(sparse.buckets.map(({ form }) => form)))
      encoder.dispose()
    })
  },
)

test.serial('what was measured is kept, and measured once', async (t) => {
  await withCache(async (file) => {
    const first = await load(measureAll)
    const kept = await readFile(file, 'utf8')
    const [machine, ...others] = Object.keys(JSON.parse(kept))
    t.regex(machine!, /^twofour \d.*, \d+ threads$/)
    t.deepEqual(others, [])

    const second = await load({ tuning: { budget: 0 } })
    t.deepEqual(second.explain(), first.explain())
    t.is(await readFile(file, 'utf8'), kept)
    for (const encoder of [first, second]) encoder.dispose()
  })
})

test.serial('what was not measured runs dense, and says so', async (t) => {
  await withCache(async () => {
    const encoder = await load({ tuning: { budget: 0 } })
    for (const { form, reason } of linear(encoder, 'layers.1.ffnOut').buckets) {
      t.is(form, 'float32')
      t.regex(reason, /^Not measured.*twofour tune/)
    }
    encoder.dispose()
  })
})

for (const content of ['', '{"a', '[]', '{"machine":[{"rows":-1}]}']) {
  test.serial(`a cache that holds ${JSON.stringify(content)} is replaced`, async (t) => {
    await withCache(async (file) => {
      ;(await load(measureAll)).dispose()
      const good = JSON.parse(await readFile(file, 'utf8'))
      await writeFile(file, content)
      ;(await load(measureAll)).dispose()
      t.deepEqual(Object.keys(JSON.parse(await readFile(file, 'utf8'))), Object.keys(good))
    })
  })
}

test.serial('forms and dtypes change outputs by rounding only', async (t) => {
  const reference = await load({ sparsity: 'off' })
  const expected = await reference.run(sequences)
  for (const [options, tolerance] of [
    [{ sparsity: 'require' }, 2e-6],
    [measureAll, 2e-6],
    [{ dtype: 'bfloat16' }, 3e-2],
    [{ dtype: 'int8' }, 8e-2],
    [{ dtype: 'int8', keepFloat32: ['query', 'attentionOutput', 'ffnIn', 'ffnOut'] }, 2e-6],
  ] as [EncoderOptions, number][]) {
    const encoder = await load(options)
    const { lastHiddenState } = await encoder.run(sequences)
    equalWithin(t, lastHiddenState, expected.lastHiddenState!, tolerance, JSON.stringify(options))
    encoder.dispose()
  }
  reference.dispose()
})

test.serial('sparsity off and require hold one form', async (t) => {
  const forms = async (sparsity: 'off' | 'require') => {
    const encoder = await load({ sparsity })
    const reports = ['layers.0.ffnIn', 'layers.1.ffnIn'].map((name) => linear(encoder, name))
    encoder.dispose()
    return reports.map(({ forms }) => forms.map(({ form }) => form))
  }
  t.deepEqual(await forms('off'), [['float32'], ['float32']])
  t.deepEqual(await forms('require'), [['float32'], ['sparse float32']])
})

test('load refuses a budget that is no time, and slots that are none', async (t) => {
  await t.throwsAsync(load({ tuning: { budget: -1 } }), { instanceOf: TypeError, message: /tuning\.budget/ })
  await t.throwsAsync(load({ tuning: { budgets: 1 } as object }), { message: /Did you mean `budget`/ })
  const slots = ['ffnOuT'] as unknown as EncoderOptions['keepFloat32']
  await t.throwsAsync(load({ keepFloat32: slots }), { message: /keepFloat32\[0\].*Did you mean `ffnOut`/ })
})

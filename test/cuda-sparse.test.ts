/** Sparse forms on CUDA against the dense product of the same numbers, at sizes that fit no kernel's multiples. */
import test from 'ava'
import { Checkpoint, Encoder, type EncoderOptions, prune, type RecipeStep } from 'twofour'
import { equalWithin } from './equal.js'
import { type MakeOptions, makeCheckpoint } from './make-checkpoint.js'
import { cudaTest } from './test-device.js'

const sequences = [[5], [7, 9, 27, 43, 17], Array.from({ length: 39 }, (_, i) => (i * 37 + 11) % 60)]

async function prunedModel(options: MakeOptions, step: RecipeStep): Promise<Checkpoint> {
  const checkpoint = await Checkpoint.open(await makeCheckpoint(options))
  return (await prune(checkpoint, { steps: [step] })).apply(checkpoint)
}

async function withEncoder<T>(
  checkpoint: Checkpoint,
  options: EncoderOptions,
  body: (encoder: Encoder) => Promise<T>,
): Promise<T> {
  const encoder = await Encoder.load(checkpoint, { device: 'cuda', ...options })
  try {
    return await body(encoder)
  } finally {
    encoder.dispose()
  }
}

const shapes: Record<string, MakeOptions> = {
  'heads of 10': { hidden: 30, heads: 3, inner: 70, seed: 61 },
  'heads of 9': { hidden: 36, heads: 4, inner: 50, seed: 62 },
  'one wide head': { hidden: 66, heads: 1, inner: 130, seed: 63 },
  'ALBERT, shared': { family: 'albert', hidden: 30, heads: 3, inner: 70, embedding: 18, layers: 3, seed: 64 },
  'MPNet, biased': { family: 'mpnet', hidden: 30, heads: 3, inner: 70, seed: 65 },
}

/** Sums in another order, rounded to the word between verbs. */
const tolerances = { float16: 4e-3, bfloat16: 3e-2, int8: 3e-2, float8: 6e-2 } as const

for (const [dtype, tolerance] of Object.entries(tolerances) as ['int8', number][]) {
  cudaTest(`a 2:4 model in ${dtype} gives the same where its sparse forms are required`, async (t) => {
    let worst = 0
    for (const [what, options] of Object.entries(shapes)) {
      const checkpoint = await prunedModel(options, { pattern: '2:4' })
      const [dense, sparse] = await Promise.all(
        (['off', 'require'] as const).map((sparsity) =>
          withEncoder(checkpoint, { dtype, sparsity }, async (encoder) => {
            const forms = encoder.explain().map(({ buckets }) => buckets.map(({ form }) => form))
            const { lastHiddenState } = await encoder.run(sequences)
            return { forms, values: lastHiddenState! }
          }),
        ),
      )
      t.true(
        sparse!.forms.some(([form]) => form === `sparse ${dtype}`),
        what,
      )
      t.true(dense!.forms.flat().every((form) => !form.startsWith('sparse')))
      worst = Math.max(worst, equalWithin(t, sparse!.values, dense!.values, tolerance, `${what}, ${dtype}`))
    }
    t.log(`${Object.keys(shapes).length} models, worst ${worst.toExponential(1)} of ${tolerance}`)
  })
}

cudaTest('every linear of the layers of a 2:4 model runs sparse where that is required', async (t) => {
  const checkpoint = await prunedModel(shapes['heads of 10']!, { pattern: '2:4' })
  await withEncoder(checkpoint, { sparsity: 'require' }, async (encoder) => {
    const layers = encoder.explain().filter(({ name }) => name.startsWith('layers.'))
    t.is(layers.length, 8)
    for (const { name, forms, buckets } of layers) {
      t.deepEqual(
        forms.map(({ form }) => form),
        ['sparse bfloat16'],
        name,
      )
      t.is(buckets[0]!.reason, 'Sparse forms were required.')
    }
  })
})

const refused: [what: string, step: RecipeStep, dtype: 'bfloat16' | 'float32', message: RegExp][] = [
  [
    'that is not 2:4',
    { pattern: 'unstructured', fraction: 0.3, per: 'matrix' },
    'bfloat16',
    /layers\.0\.query\+key\+value: Not 2:4: row \d+ has more than two weights/,
  ],
  ['that is 2:4 in float32', { pattern: '2:4' }, 'float32', /float32 is dense here/],
]

for (const [what, step, dtype, message] of refused) {
  cudaTest(`a model ${what} is refused where sparse forms are required, with the reason`, async (t) => {
    const checkpoint = await prunedModel(shapes['heads of 10']!, step)
    await t.throwsAsync(() => withEncoder(checkpoint, { dtype, sparsity: 'require' }, async () => {}), {
      name: 'TwofourError',
      code: 'SPARSITY_UNAVAILABLE',
      message,
    })
  })
}

test('a model without zeros is refused on the CPU where sparse forms are required', async (t) => {
  const path = await makeCheckpoint(shapes['heads of 10'])
  await t.throwsAsync(() => Encoder.load(path, { device: 'cpu', sparsity: 'require' }), {
    code: 'SPARSITY_UNAVAILABLE',
  })
})

import test from 'ava'
import { Checkpoint, Encoder, type EncoderSpec, type RunOptions, type Sequence } from 'twofour'
import { maxTokens } from '../lib/architecture/spec.js'
import { equalExactly, equalWithin } from './equal.js'
import { type MakeOptions, madeFamilies, madeHeads, makeCheckpoint } from './make-checkpoint.js'
import { randomNumbers } from './random-numbers.js'
import { rowsOf } from './rows.js'
import { onDevice } from './test-device.js'

const next = randomNumbers(5)

/** A ragged batch: one token, the model's longest, and between; ids with RoBERTa's padding among them; types. */
function batchFor(spec: EncoderSpec): Sequence[] {
  const limit = maxTokens(spec)
  const below = (count: number) => Math.floor(next() * count)
  return [1, Math.min(2, limit), Math.min(13, limit), limit].map((length, i) => {
    const inputIds = Array.from({ length }, () => below(spec.vocab))
    if (length > 4) inputIds[3] = 1
    const types = inputIds.map(() => below(Math.max(spec.tokenTypes, 1)))
    return i % 2 === 0 ? { inputIds, tokenTypeIds: types } : inputIds
  })
}

/** Runs one checkpoint on the device and in the reference loops. @returns the largest difference, relative */
async function compare(
  t: Parameters<typeof equalWithin>[0],
  options: MakeOptions,
  what: string,
): Promise<number> {
  const checkpoint = await Checkpoint.open(await makeCheckpoint(options))
  const [tested, plain] = await Promise.all(
    [onDevice, { device: 'plain' }].map((options) => Encoder.load(checkpoint, { ...options, maxTokens: 24 })),
  )
  const { spec } = checkpoint
  const outputs: RunOptions['outputs'] = [
    'lastHiddenState',
    'hiddenStates',
    ...(spec.pooler ? (['pooled'] as const) : []),
    ...(spec.head ? (['logits'] as const) : []),
  ]
  const batch = batchFor(spec)
  const [actual, reference] = await Promise.all(
    [tested!, plain!].map((encoder) => encoder.run(batch, { outputs })),
  )
  t.deepEqual(actual!.dims, reference!.dims)
  let worst = 0
  for (const sequence of batch.keys()) {
    const expected = rowsOf(reference!, spec, sequence)
    for (const [name, row] of rowsOf(actual!, spec, sequence))
      worst = Math.max(
        worst,
        equalWithin(t, row, expected.get(name)!, 2e-5, `${what}: ${name} of ${sequence}`),
      )
  }
  tested!.dispose()
  plain!.dispose()
  return worst
}

const shapes: Record<string, MakeOptions> = {
  'head size 9': { hidden: 36, heads: 4, inner: 50, vocab: 7, layers: 1, positions: 17 },
  'head size 1': { hidden: 6, heads: 6, inner: 1, vocab: 33, layers: 3, positions: 3 },
  'one wide head': { hidden: 67, heads: 1, inner: 131, vocab: 20, layers: 2, positions: 49 },
  'one of everything': {
    hidden: 1,
    heads: 1,
    inner: 1,
    vocab: 2,
    layers: 1,
    positions: 1,
    labels: 1,
    embedding: 1,
  },
}

for (const family of madeFamilies) {
  test(`every head of ${family} gives the reference loops' numbers at odd sizes`, async (t) => {
    let worst = 0
    let count = 0
    for (const [what, shape] of Object.entries(shapes))
      for (const head of madeHeads) {
        const seed = ++count
        worst = Math.max(
          worst,
          await compare(t, { ...shape, family, head, seed }, `${family}${head}, ${what}`),
        )
      }
    t.log(`${count} models, worst ${worst.toExponential(1)}`)
  })
}

for (const activation of ['gelu', 'gelu_new', 'gelu_pytorch_tanh', 'relu', 'silu', 'quick_gelu']) {
  test(`feed-forwards of ${activation} give the reference loops' numbers`, async (t) => {
    const config = { hidden_act: activation }
    for (const family of ['bert', 'albert', 'mpnet'] as const)
      t.true((await compare(t, { family, config, head: 'ForMaskedLM' }, activation)) < 2e-5)
  })
}

const layer = (weights: number, heads: number[], inner: number) => ({ weights, heads, inner })

const removals: [what: string, layers: object[], options?: MakeOptions][] = [
  ['some heads and neurons', [layer(0, [1, 3], 5), layer(1, [0, 1, 2], 48)]],
  ['every head of a layer', [layer(0, [], 48), layer(1, [2], 48)]],
  ['every neuron of a layer', [layer(0, [0, 1, 2, 3], 0), layer(1, [0], 7)]],
  ['every head and neuron', [layer(0, [], 0), layer(1, [], 0)]],
  ['a layer', [layer(0, [0, 1, 2, 3], 48)]],
  ['every layer', []],
  ['heads of a model with a position bias', [layer(0, [3], 48), layer(1, [0, 2], 48)], { family: 'mpnet' }],
]

for (const [what, layers, options] of removals) {
  test(`a model without ${what} gives the reference loops' numbers`, async (t) => {
    const config = { num_hidden_layers: layers.length, twofour: { version: 1, headSize: 8, layers } }
    const made = { ...options, layers: 2, config }
    t.true((await compare(t, made, what)) < 2e-5)
  })
}

test('ALBERT applies its groups in turn, each inner group one after another', async (t) => {
  for (const [layers, groups, innerGroups] of [
    [4, 2, 1],
    [4, 2, 2],
    [3, 1, 2],
    [3, 3, 1],
  ] as const) {
    const options = { family: 'albert', layers, groups, innerGroups } as const
    t.true((await compare(t, options, `${layers} layers, ${groups} × ${innerGroups}`)) < 2e-5)
    const encoder = await Encoder.load(await makeCheckpoint(options), onDevice)
    const { hiddenStates } = await encoder.run([[5]], { outputs: ['hiddenStates'] })
    t.is(hiddenStates!.length, layers + 1)
  }
})

test('weights stored as halves or doubles are the numbers that they stand for', async (t) => {
  for (const dtype of ['F16', 'BF16', 'F64'] as const)
    t.true((await compare(t, { dtype, head: 'ForSequenceClassification' }, dtype)) < 2e-5)
})

test('an encoder without its layers gives its embeddings', async (t) => {
  const config = { num_hidden_layers: 0, twofour: { version: 1, headSize: 8, layers: [] } }
  const encoder = await Encoder.load(await makeCheckpoint({ config, pooler: false }), onDevice)
  const { hiddenStates, lastHiddenState } = await encoder.run([[5, 6]], {
    outputs: ['hiddenStates', 'lastHiddenState'],
  })
  t.is(hiddenStates!.length, 1)
  equalExactly(t, lastHiddenState, hiddenStates![0]!, 'the only state')
  t.deepEqual(
    encoder.explain().map(({ name }) => name),
    [],
  )
})

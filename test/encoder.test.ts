import { join } from 'node:path'
import test from 'ava'
import { Checkpoint, devices, Encoder, type EncoderOptions, type RunOptions, Safetensors } from 'twofour'
import { equalExactly, equalWithin } from './equal.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { rowsOf } from './rows.js'
import { onCpu, onDevice } from './test-device.js'

const sequences = [[5, 9, 13], [7], [11, 2, 3, 44, 63, 0, 21], [8, 8]]
const tokens = sequences.flat().length

const plainModel = makeCheckpoint({ pooler: false, seed: 3 })
const classifier = makeCheckpoint({ head: 'ForSequenceClassification', seed: 4 })
const language = makeCheckpoint({ head: 'ForMaskedLM', pooler: false, layers: 3, seed: 5 })

async function load(path: Promise<string>, options: EncoderOptions = {}): Promise<Encoder> {
  return Encoder.load(await path, { ...onDevice, ...options })
}

test('by default a run gives all that the model has, and its shape', async (t) => {
  const encoder = await load(classifier)
  const outputs = await encoder.run(sequences)
  t.deepEqual(Object.keys(outputs).sort(), ['dims', 'lastHiddenState', 'logits', 'pooled', 'sequenceOffsets'])
  t.deepEqual(outputs.dims, { lastHiddenState: [tokens, 32], pooled: [4, 32], logits: [4, 3] })
  t.deepEqual([...outputs.sequenceOffsets], [0, 3, 4, 11, 13])
  for (const name of ['lastHiddenState', 'pooled', 'logits'] as const) {
    const [rows = 0, columns = 0] = outputs.dims[name]!
    t.is(outputs[name]!.length, rows * columns)
    t.true(outputs[name]!.every(Number.isFinite))
  }

  const bare = await (await load(plainModel)).run(sequences)
  t.deepEqual(bare.dims, { lastHiddenState: [tokens, 32] })
})

test('a run gives only what it was asked for, with the same numbers', async (t) => {
  const encoder = await load(classifier)
  const all = await encoder.run(sequences)
  for (const name of ['lastHiddenState', 'pooled', 'logits'] as const) {
    const outputs = await encoder.run(sequences, { outputs: [name] })
    t.deepEqual(Object.keys(outputs).sort(), ['dims', name, 'sequenceOffsets'].sort())
    t.deepEqual(Object.keys(outputs.dims), [name])
    equalExactly(t, outputs[name], all[name]!, name)
  }
  t.deepEqual((await encoder.run(sequences, { outputs: [] })).dims, {})
})

test('numbers, Int32Arrays and objects are the same sequence', async (t) => {
  const encoder = await load(classifier)
  const all = await encoder.run(sequences)
  const forms = [
    sequences.map((ids) => Int32Array.from(ids)),
    sequences.map((inputIds) => ({ inputIds })),
    sequences.map((ids) => ({ inputIds: Int32Array.from(ids), tokenTypeIds: ids.map(() => 0) })),
  ]
  for (const form of forms) equalExactly(t, (await encoder.run(form)).logits, all.logits!, 'logits')
})

test('token types are read where they are given, sequence by sequence', async (t) => {
  const [encoder, reference] = [await load(classifier), await load(classifier, { device: 'plain' })]
  const [first = [], second = []] = sequences
  const typed = [{ inputIds: first, tokenTypeIds: [0, 1, 1] }, second]
  const outputs = await encoder.run(typed)
  equalWithin(t, outputs.logits, (await reference.run(typed)).logits!, 2e-5, 'logits')

  const untyped = await encoder.run([first, second])
  const row = (i: number, of = outputs) => rowsOf(of, encoder.spec, i).get('logits')!
  t.notDeepEqual(row(0), row(0, untyped))
  t.deepEqual(row(1), row(1, untyped))
})

test('hidden states are the embeddings, then what each layer gives', async (t) => {
  const encoder = await load(language)
  const { hiddenStates, lastHiddenState, dims } = await encoder.run(sequences, {
    outputs: ['hiddenStates', 'lastHiddenState'],
  })
  t.deepEqual(dims, { hiddenStates: [4, tokens, 32], lastHiddenState: [tokens, 32] })
  t.is(hiddenStates!.length, 4)
  equalExactly(t, hiddenStates!.at(-1), lastHiddenState!, 'the last state')
  equalWithin(t, hiddenStates![0], await embeddingsOf(await language), 1e-5, 'the embeddings', [tokens, 32])
})

/** The sum of the tables' rows, normalised, from the file's own numbers. */
async function embeddingsOf(path: string): Promise<Float32Array> {
  const file = await Safetensors.open(join(path, 'model.safetensors'))
  const read = async (name: string) => {
    const bytes = await file.read(`bert.embeddings.${name}`)
    return new Float32Array(bytes.slice().buffer)
  }
  const [word, position, type] = [
    await read('word_embeddings.weight'),
    await read('position_embeddings.weight'),
    await read('token_type_embeddings.weight'),
  ]
  const [gain, bias] = [await read('LayerNorm.weight'), await read('LayerNorm.bias')]
  const rows = sequences.flatMap((ids) =>
    ids.map((id, at) => Array.from(gain, (_, i) => word[id * 32 + i]! + position[at * 32 + i]! + type[i]!)),
  )
  const normalised = rows.map((row) => {
    const mean = row.reduce((a, b) => a + b) / row.length
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length
    return row.map((x, i) => ((x - mean) / Math.sqrt(variance + 1e-12)) * gain[i]! + bias[i]!)
  })
  return Float32Array.from(normalised.flat())
}

test('logitRows picks tokens of the batch, also where the batch is split', async (t) => {
  for (const maxTokens of [1, 4, 8, 100]) {
    const encoder = await load(language, { maxTokens })
    const { logits } = await encoder.run(sequences)
    for (const logitRows of [[0, 3, 4, 12], Int32Array.of(5), [], [...Array(tokens).keys()]]) {
      const some = await encoder.run(sequences, { outputs: ['logits'], logitRows })
      t.deepEqual(some.dims, { logits: [logitRows.length, 64] })
      const wanted = [...logitRows].flatMap((row) => [...logits!.subarray(row * 64, (row + 1) * 64)])
      equalExactly(t, some.logits, wanted, `rows ${logitRows}, maxTokens ${maxTokens}`)
    }
  }
})

test('more rows of a token head than fit at once are the same as each alone', async (t) => {
  const encoder = await load(language)
  const many = Array.from({ length: 60 }, (_, i) => Array.from({ length: 40 }, (_, j) => (i * 7 + j) % 64))
  const outputs = await encoder.run(many)
  t.is(outputs.dims.logits![0], 2400)
  for (const i of [0, 25, 26, 59]) {
    const alone = await encoder.run([many[i]!])
    equalExactly(t, rowsOf(outputs, encoder.spec, i).get('logits'), alone.logits!, `sequence ${i}`)
  }
})

test('maxTokens splits between sequences and changes no number', async (t) => {
  const asked: RunOptions = { outputs: ['lastHiddenState', 'pooled', 'logits', 'hiddenStates'] }
  const whole = await (await load(classifier)).run(sequences, asked)
  for (const maxTokens of [1, 3, 4, 7, 11]) {
    const encoder = await load(classifier, { maxTokens })
    t.is(encoder.maxTokens, maxTokens)
    const split = await encoder.run(sequences, asked)
    t.deepEqual(split.dims, whole.dims)
    for (const name of ['lastHiddenState', 'pooled', 'logits'] as const)
      equalExactly(t, split[name], whole[name]!, `${name}, maxTokens ${maxTokens}`)
    for (const [i, state] of whole.hiddenStates!.entries())
      equalExactly(t, split.hiddenStates![i], state, `state ${i}, maxTokens ${maxTokens}`)
  }
})

test('the number of threads changes no number', async (t) => {
  const many = Array.from({ length: 40 }, (_, i) => Array.from({ length: 1 + i }, (_, j) => (i + j) % 64))
  const { logits } = await (await load(language, { threads: 1 })).run(many)
  for (const threads of [2, 3, 8]) {
    const encoder = await load(language, { threads })
    t.is(encoder.device.name.includes(`${threads} threads`), onCpu)
    for (let time = 0; time < 3; time++)
      equalExactly(t, (await encoder.run(many)).logits, logits!, `${threads} threads`)
  }
})

test('no sequences give outputs of no rows', async (t) => {
  const classified = await (await load(classifier)).run([], {
    outputs: ['lastHiddenState', 'pooled', 'logits', 'hiddenStates'],
  })
  t.deepEqual(classified.dims, {
    lastHiddenState: [0, 32],
    pooled: [0, 32],
    logits: [0, 3],
    hiddenStates: [3, 0, 32],
  })
  t.deepEqual([...classified.sequenceOffsets], [0])
  t.deepEqual((await (await load(language)).run([], { logitRows: [] })).dims.logits, [0, 64])
})

test('inputs are copied before run returns: they may change, or move away, at once', async (t) => {
  const encoder = await load(classifier)
  const { logits } = await encoder.run(sequences)
  const arrays = sequences.map((ids) => Int32Array.from(ids))
  const pending = encoder.run(arrays)
  const again = encoder.run(arrays)
  arrays[0]!.fill(-1)
  structuredClone(arrays[2], { transfer: [arrays[2]!.buffer] })
  t.is(arrays[2]!.length, 0)
  equalExactly(t, (await pending).logits, logits!, 'logits')
  equalExactly(t, (await again).logits, logits!, 'logits')
})

test('an open checkpoint and its path load the same encoder', async (t) => {
  const checkpoint = await Checkpoint.open(await classifier)
  const encoder = await Encoder.load(checkpoint, onDevice)
  t.is(encoder.checkpoint, checkpoint)
  const { logits } = await (await load(classifier)).run(sequences)
  equalExactly(t, (await encoder.run(sequences)).logits, logits!, 'logits')
})

test('auto names the device it took and says why', async (t) => {
  const { device } = await Encoder.load(await plainModel)
  const cuda = devices().find(({ kind }) => kind === 'cuda')!
  t.is(device.kind, cuda.available && cuda.emulated !== true ? 'cuda' : 'cpu')
  t.true(device.name.length > 0)
  if (!cuda.available) t.is(device.reason, cuda.reason)
  t.deepEqual((await load(plainModel)).device.reason, 'Asked for by name.')
  t.is((await load(plainModel, { device: 'plain' })).device.kind, 'plain')
})

test('explain tells every linear: its forms, what runs for how many tokens, and why', async (t) => {
  const encoder = await load(language)
  const reports = encoder.explain()
  const layer = ['query+key+value', 'attentionOutput', 'ffnIn', 'ffnOut']
  t.deepEqual(
    reports.map(({ name }) => name),
    [
      ...[0, 1, 2].flatMap((set) => layer.map((name) => `layers.${set}.${name}`)),
      ...['head.transform', 'head.output'],
    ],
  )
  const [qkv] = reports
  t.is(qkv!.rows, 96)
  t.is(qkv!.columns, 32)
  for (const { rows, columns, nonzeros, forms, buckets } of reports) {
    t.true(nonzeros > 0.9 * rows * columns && nonzeros <= rows * columns)
    t.is(forms[0]!.form, 'float32')
    t.true(forms[0]!.bytes >= rows * columns * 4)
    t.is(buckets.at(-1)!.tokens, null)
    for (const { form, reason } of buckets) {
      t.true(forms.some((held) => held.form === form))
      t.regex(reason, /^[A-Z].*\.$/)
    }
  }
})

test('memory counts bytes by owner', async (t) => {
  const encoder = await load(classifier)
  const owners = new Map(encoder.memory().map(({ owner, bytes }) => [owner, bytes]))
  t.true([...owners.values()].every((bytes) => Number.isInteger(bytes) && bytes >= 0))
  const linears = encoder.explain().flatMap(({ forms }) => forms.map(({ bytes }) => bytes))
  t.is(
    owners.get('packed linears'),
    linears.reduce((a, b) => a + b),
  )
  const tables = (64 + 40 + 2 + 2 * (1 + 2 * 2)) * 32 * 4
  t.is(owners.get('embedding tables and norms'), tables)
})

test('loading reports its progress up to the end', async (t) => {
  const seen: { stage: string; done: number; total: number; unit: string }[] = []
  await load(classifier, { onProgress: (progress) => seen.push(progress) })
  t.true(seen.length > 0)
  t.deepEqual(seen.at(-1), { stage: 'load', done: seen[0]!.total, total: seen[0]!.total, unit: 'matrices' })
  for (const [i, { done }] of seen.entries()) t.true(done >= (seen[i - 1]?.done ?? 0))
})

test('an onProgress that throws rejects the load with what it threw', async (t) => {
  const thrown = new Error('enough')
  const onProgress = () => {
    throw thrown
  }
  t.is(await t.throwsAsync(() => load(classifier, { onProgress })), thrown)
})

const refusedSequences: [what: string, sequences: unknown, name: string, message: RegExp][] = [
  ['a text', 'abc', 'TypeError', /`sequences` to be an array.*'abc'/],
  ['a text for a sequence', [[1], 'abc'], 'TypeError', /`sequences\[1\]` to be .*inputIds.*'abc'/],
  ['nothing', [null], 'TypeError', /`sequences\[0\]`.*null/],
  ['a hole', new Array(1), 'TypeError', /`sequences\[0\]`.*undefined/],
  ['floats', [new Float32Array(2)], 'TypeError', /`sequences\[0\]`.*Float32Array/],
  ['an unknown key', [{ inputIds: [1], tokenTypeId: [0] }], 'TypeError', /Did you mean `tokenTypeIds`/],
  ['ids that are none', [{ inputIds: 'abc' }], 'TypeError', /`sequences\[0\]\.inputIds`/],
  ['an id too high', [[1], [2, 64]], 'RangeError', /`sequences\[1\]\.inputIds\[1\]`.* 0 to 63, got 64/],
  ['an id below 0', [[-1]], 'RangeError', /got -1/],
  ['half an id', [[0.5]], 'RangeError', /got 0.5/],
  ['an id as text', [['1']], 'RangeError', /got '1'/],
  ['an id that is missing', [new Array(1)], 'RangeError', /inputIds\[0\]`.*undefined/],
  ['an empty sequence', [[1], []], 'RangeError', /`sequences\[1\]` to have at least one token/],
  ['one token too many', [new Int32Array(41)], 'RangeError', /at most 40 tokens.*got 41/],
  [
    'a type too high',
    [{ inputIds: [1], tokenTypeIds: [2] }],
    'RangeError',
    /tokenTypeIds\[0\]`.*0 to 1, got 2/,
  ],
  ['too few types', [{ inputIds: [1, 2], tokenTypeIds: [0] }], 'RangeError', /to have 2 entries.*got 1/],
]

for (const [what, refused, name, message] of refusedSequences) {
  test(`run refuses ${what} by its place`, async (t) => {
    const encoder = await load(classifier)
    await t.throwsAsync(() => encoder.run(refused as number[][]), { name, message })
    t.is((await encoder.run([[1]])).dims.logits![0], 1)
  })
}

test('the longest sequence that the model has positions for runs', async (t) => {
  const encoder = await load(classifier)
  const reference = await load(classifier, { device: 'plain' })
  const longest = [new Int32Array(40).fill(3)]
  equalWithin(t, (await encoder.run(longest)).logits, (await reference.run(longest)).logits!, 2e-5, 'logits')
})

test('run refuses outputs that the model lacks, and options that it does not know', async (t) => {
  const bare = await load(plainModel)
  for (const name of ['pooled', 'logits'] as const)
    await t.throwsAsync(() => bare.run(sequences, { outputs: [name] }), {
      name: 'TwofourError',
      code: 'TASK_UNSUPPORTED',
    })
  const refused: [unknown, string, RegExp][] = [
    [{ outputs: ['logit'] }, 'TypeError', /`outputs\[0\]`.*Did you mean `logits`/],
    [{ outputs: 'logits' }, 'TypeError', /`outputs` to be an array/],
    [{ output: [] }, 'TypeError', /`output`.*Did you mean `outputs`/],
    [{ signal: {} }, 'TypeError', /`signal` to be an AbortSignal/],
    [{ logitRows: [0] }, 'TypeError', /heads over tokens/],
  ]
  for (const [options, name, message] of refused)
    await t.throwsAsync(() => bare.run(sequences, options as RunOptions), { name, message })

  const encoder = await load(language)
  for (const logitRows of [[tokens], [1, 1], [2, 1], [-1], [0.5]])
    await t.throwsAsync(() => encoder.run(sequences, { logitRows }), { name: 'RangeError' })
  for (const logitRows of [5, '12', { length: 1 }])
    await t.throwsAsync(() => encoder.run(sequences, { logitRows } as unknown as RunOptions), {
      name: 'TypeError',
      message: /`logitRows` to be an array/,
    })
})

const refusedOptions: [options: Record<string, unknown>, name: string, message: RegExp, code?: string][] = [
  [{ thread: 2 }, 'TypeError', /`thread`.*Did you mean `threads`/],
  [{ threads: 0 }, 'RangeError', /`threads` to be a whole number from 1/],
  [{ threads: 1.5 }, 'TypeError', /`threads`/],
  [{ maxTokens: 0 }, 'RangeError', /`maxTokens`/],
  [{ maxQueue: 0 }, 'RangeError', /`maxQueue`/],
  [{ device: 'gpu' }, 'TypeError', /`device`.*'cuda'.*got 'gpu'/],
  [{ device: 3 }, 'TypeError', /`device`/],
  [{ dtype: 'flaot32' }, 'TypeError', /`dtype`.*Did you mean `float32`/],
  [{ device: 'cpu', dtype: 'float16' }, 'TwofourError', /float16/, 'DTYPE_UNAVAILABLE'],
  [{ sparsity: true }, 'TypeError', /`sparsity`/],
  [{ device: 'cpu', sparsity: 'require' }, 'TwofourError', /sparse/, 'SPARSITY_UNAVAILABLE'],
  [{ onProgress: 1 }, 'TypeError', /`onProgress` to be a function/],
  [{ signal: 1 }, 'TypeError', /`signal`/],
]

for (const [options, name, message, code] of refusedOptions) {
  test(`load refuses ${JSON.stringify(options)}`, async (t) => {
    await t.throwsAsync(async () => Encoder.load(await plainModel, options), {
      name,
      message,
      ...(code && { code }),
    })
  })
}

test('cuda, where it cannot be used, is refused with the reason', async (t) => {
  const cuda = devices().find(({ kind }) => kind === 'cuda')!
  t.true(cuda.reason.length > 0)
  for (const device of cuda.available ? [] : ['cuda', 'cuda:1'])
    await t.throwsAsync(() => load(plainModel, { device }), {
      code: 'DEVICE_UNAVAILABLE',
      message: new RegExp(`'${device}'.*${cuda.reason.slice(0, 20)}`),
    })
})

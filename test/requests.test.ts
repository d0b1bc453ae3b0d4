import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { Encoder, type EncoderOptions, type RunOptions, type RunOutputs } from 'twofour'
import { equalExactly } from './equal.js'
import { longLength, longRun } from './long-run.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { onCpu, onDevice } from './test-device.js'

const demo = join(import.meta.dirname, '../models/demo/model')
const classifier = makeCheckpoint({ head: 'ForSequenceClassification', seed: 31 })
const language = makeCheckpoint({ head: 'ForMaskedLM', pooler: false, seed: 32 })
/** A run of 15 sequences of `longRun` takes a good part of a second. */
const large = makeCheckpoint({ hidden: 64, inner: 256, layers: 48, positions: 256, seed: 33 })
/** Three runs of 5 sequences fill a batch, which begins when the third has come. */
const three = { maxWait: 60_000, maxTokens: 3 * 5 * longLength }

async function load(path: string | Promise<string>, options: EncoderOptions = {}): Promise<Encoder> {
  return Encoder.load(await path, { ...onDevice, ...options })
}

type Run = { readonly batch: number; readonly tokens: number }

/** Which native batch each run of an encoder was a part of, in the order in which they end. */
function watchBatches(encoder: Encoder): Run[] {
  const runs: Run[] = []
  const submit = encoder.submit.bind(encoder)
  encoder.submit = async (request, ...rest) => {
    const result = await submit(request, ...rest)
    runs.push({ batch: result.batch, tokens: request.ids.length })
    return result
  }
  return runs
}

function distinct(runs: readonly Run[]): number {
  return new Set(runs.map(({ batch }) => batch)).size
}

/** Long enough that what is started after it waits. */
const ahead = longRun(200).map((ids) => ids.subarray(0, 40))
/** Milliseconds in which whatever is started together has come. */
const together = { maxWait: 300 }

test.serial('64 embeds of one text run as a few batches, each as that text alone', async (t) => {
  const encoder = await load(demo)
  const texts = Array.from({ length: 64 }, (_, i) => `Number ${i} plays the guitar${' again'.repeat(i % 7)}.`)
  const alone = await load(demo)
  const expected: Float32Array[] = []
  for (const text of texts) expected.push((await alone.embed([text])).vectors)

  const runs = watchBatches(encoder)
  const results = await Promise.all(texts.map((text) => encoder.embed([text])))
  for (const [i, { vectors }] of results.entries()) equalExactly(t, vectors, expected[i]!, `text ${i}`)
  t.is(runs.length, 64)
  t.true(distinct(runs) <= 16, `${distinct(runs)} batches`)
})

const asked: Record<string, [path: Promise<string>, options: RunOptions[]]> = {
  'a classifier': [
    classifier,
    [
      { outputs: ['logits'] },
      { outputs: ['pooled'] },
      { outputs: ['lastHiddenState'] },
      { outputs: [] },
      { outputs: ['hiddenStates', 'lastHiddenState'] },
      {},
      { outputs: ['hiddenStates', 'pooled', 'logits', 'lastHiddenState'] },
    ],
  ],
  'a language model': [
    language,
    [
      { outputs: ['logits'], logitRows: [0, 4] },
      { outputs: ['lastHiddenState'] },
      {},
      { outputs: ['logits'], logitRows: [] },
      { outputs: ['logits', 'hiddenStates'], logitRows: [3] },
    ],
  ],
}

for (const [what, [path, options]] of Object.entries(asked)) {
  test.serial(
    `runs of ${what} that ask for different outputs share a batch and get what they ask for`,
    async (t) => {
      const [encoder, alone] = [await load(path, together), await load(path)]
      const sequences = options.map((_, i) => [
        { inputIds: [i, 5, 9], tokenTypeIds: [0, 1, 1] },
        [7 + i, 2],
        [i],
      ])
      const expected: RunOutputs[] = []
      for (const [i, each] of options.entries()) expected.push(await alone.run(sequences[i]!, each))

      const runs = watchBatches(encoder)
      const outputs = await Promise.all(options.map((each, i) => encoder.run(sequences[i]!, each)))
      t.is(distinct(runs), 1)
      for (const [i, { dims, ...values }] of outputs.entries()) {
        t.deepEqual(dims, expected[i]!.dims)
        t.deepEqual(
          Object.keys(values).sort(),
          Object.keys(expected[i]!)
            .filter((name) => name !== 'dims')
            .sort(),
        )
        for (const name of ['lastHiddenState', 'pooled', 'logits'] as const)
          equalExactly(t, values[name] ?? [], expected[i]![name] ?? [], `${name} of run ${i}`)
        for (const [state, numbers] of (values.hiddenStates ?? []).entries())
          equalExactly(t, numbers, expected[i]!.hiddenStates![state]!, `state ${state} of run ${i}`)
      }
    },
  )
}

test.serial('embeds that pool in different ways share a batch', async (t) => {
  const [encoder, alone] = [await load(demo, together), await load(demo)]
  const kinds = (['mean', 'cls', 'max', 'lastToken'] as const).flatMap((pooling) =>
    [true, false].map((normalize) => ({ pooling, normalize })),
  )
  const embed = (kind: (typeof kinds)[number], by = encoder) =>
    by.embed(['A man plays.', 'Someone sings loudly.'], kind)
  const expected: Float32Array[] = []
  for (const kind of kinds) expected.push((await embed(kind, alone)).vectors)

  const runs = watchBatches(encoder)
  const results = await Promise.all(kinds.map((kind) => embed(kind)))
  t.is(distinct(runs), 1)
  for (const [i, { vectors }] of results.entries())
    equalExactly(t, vectors, expected[i]!, JSON.stringify(kinds[i]))
})

test.serial('a batch holds at most maxTokens, or one sequence, in the order of arrival', async (t) => {
  const encoder = await load(classifier, { maxTokens: 8 })
  const sizes = [1, 3, 3, 3, 8, 1, 9, 2, 2, 2, 2, 2, 20, 1]
  const runs = watchBatches(encoder)
  const running = encoder.run(ahead)
  const waiting = sizes.map((size) => encoder.run([new Int32Array(size).fill(3)]))
  await Promise.all([running, ...waiting])
  const batches = new Map<number, number[]>()
  for (const { batch, tokens } of runs) batches.set(batch, [...(batches.get(batch) ?? []), tokens])
  t.deepEqual([...batches.values()].slice(1), [[1, 3, 3], [3], [8], [1], [9], [2, 2, 2, 2], [2], [20], [1]])
})

test.serial('one of a running batch is cancelled at once; the others go on', async (t) => {
  const encoder = await load(large, three)
  const runs = watchBatches(encoder)
  const controller = new AbortController()
  const reason = { mine: true }
  const order: string[] = []
  const start = (name: string, signal?: AbortSignal) =>
    encoder.run(longRun(5), { signal }).finally(() => order.push(name))
  const outcomes = Promise.allSettled([start('a'), start('b', controller.signal), start('c')])
  await delay(20)
  controller.abort(reason)
  const [a, b, c] = await outcomes
  t.deepEqual(b, { status: 'rejected', reason })
  t.deepEqual(order, ['b', 'a', 'c'])
  t.is(distinct(runs), 1)
  const expected = await (await load(large)).run(longRun(5))
  for (const outcome of [a!, c!]) {
    const { lastHiddenState } = outcome.status === 'fulfilled' ? outcome.value : {}
    equalExactly(t, lastHiddenState, expected.lastHiddenState!, 'the others')
  }
})

test.serial('a batch of which all are cancelled is not computed to its end', async (t) => {
  const encoder = await load(large, three)
  const runs = watchBatches(encoder)
  const controller = new AbortController()
  const cancelled = [1, 2, 3].map(() => encoder.run(longRun(5), { signal: controller.signal }))
  const outcomes = Promise.allSettled(cancelled)
  await delay(20)
  controller.abort()
  t.true((await outcomes).every(({ status }) => status === 'rejected'))
  await encoder.run(longRun(15))
  // Only batches that were computed count, and what a GPU was given already it computes.
  t.is(runs.length, 1)
  t.true(runs[0]!.batch <= (onCpu ? 1 : 2))
})

test.serial('with maxWait a run that comes alone waits for company; without it does not', async (t) => {
  for (const [maxWait, batches] of [
    [10_000, 1],
    [0, 2],
  ] as const) {
    const encoder = await load(classifier, { maxWait, maxTokens: 4 })
    const runs = watchBatches(encoder)
    const one = encoder.run([[1, 2]])
    await delay(30)
    // The batch is full now, so that nobody waits for the end of maxWait.
    await Promise.all([one, encoder.run([[3, 4]])])
    t.is(distinct(runs), batches, `maxWait ${maxWait}`)
  }
})

test.serial(
  'a run that waits for company goes when its time is up, and holds up no other encoder',
  async (t) => {
    const short = await load(classifier, { maxWait: 5 })
    t.is((await short.run([[1]])).dims.logits![0], 1)

    const patient = await load(classifier, { maxWait: 60_000 })
    const waiting = patient.run([[1]])
    await (await load(classifier)).run([[1]])
    t.is((await waiting).dims.logits![0], 1)
  },
)

test.serial('a run that waits for company is cancelled at once', async (t) => {
  const encoder = await load(classifier, { maxWait: 60_000 })
  const controller = new AbortController()
  const waiting = encoder.run([[1]], { signal: controller.signal })
  await delay(5)
  const reason = new Error('enough')
  controller.abort(reason)
  t.is(await t.throwsAsync(() => waiting), reason)
})

test.serial('an encoder may go while its cancelled run waits for company', async (t) => {
  const encoder = await load(classifier, { maxWait: 60_000 })
  const controller = new AbortController()
  const waiting = encoder.run([[1]], { signal: controller.signal })
  await delay(20)
  controller.abort(new Error('enough'))
  await t.throwsAsync(() => waiting, { message: 'enough' })
  encoder.dispose()
  t.is((await (await load(classifier)).run([[1]])).dims.logits![0], 1)
})

test.serial('a call with many texts takes one place of maxQueue', async (t) => {
  const encoder = await load(demo, { maxQueue: 1 })
  const runs = watchBatches(encoder)
  const texts = Array.from({ length: 300 }, (_, i) => `Text ${i}.`)
  const { vectors } = await encoder.embed(texts)
  t.true(runs.length > 1)
  const free = await (await load(demo)).embed(texts)
  equalExactly(t, vectors, free.vectors, 'vectors')

  const refused = encoder.run(ahead).then(() => encoder.run([[1]]))
  await t.throwsAsync(() => encoder.run([[1]]), {
    name: 'TwofourError',
    code: 'QUEUE_FULL',
    message: /1 runs/,
  })
  t.is((await refused).dims.lastHiddenState![0], 1)
})

for (const [maxWait, name] of [
  [-1, 'RangeError'],
  [60_001, 'RangeError'],
  ['5', 'TypeError'],
] as const) {
  test(`load refuses a maxWait of ${JSON.stringify(maxWait)}`, async (t) => {
    await t.throwsAsync(() => load(classifier, { maxWait: maxWait as number }), {
      name,
      message: /`maxWait`/,
    })
  })
}

import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { type EmbeddedTexts, type EmbedOptions, Encoder, type Text } from 'twofour'
import { equalExactly } from './equal.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { onCpu, onDevice } from './test-device.js'
import { put, vocabTxt } from './tiny-tokenizers.js'

const model = makeCheckpoint({ hidden: 8, heads: 2, inner: 8, layers: 1, seed: 41 }).then((directory) =>
  put(directory, { 'vocab.txt': vocabTxt }),
)
const words = ['the', 'cat', 'sat', 'mat', '.', ',']

function load(): Promise<Encoder> {
  return model.then((path) => Encoder.load(path, onDevice))
}

function textOf(i: number): string {
  return Array.from({ length: 1 + (i % 5) }, (_, j) => words[(i + j * j) % words.length]).join(' ')
}

/** Texts one by one, and what became of the source. */
function counted(count: number) {
  const seen = { pulled: 0, closed: false }
  async function* source(): AsyncGenerator<string> {
    try {
      while (seen.pulled < count) yield textOf(seen.pulled++)
    } finally {
      seen.closed = true
    }
  }
  return { seen, source: source() }
}

async function collected(slices: AsyncIterable<EmbeddedTexts>): Promise<EmbeddedTexts[]> {
  const all: EmbeddedTexts[] = []
  for await (const slice of slices) all.push(slice)
  return all
}

test('a stream gives every text its vector, in order, as an array of texts does', async (t) => {
  const encoder = await load()
  const texts: Text[] = Array.from({ length: 1000 }, (_, i) =>
    i % 7 === 0 ? [textOf(i), textOf(i + 1)] : textOf(i),
  )
  const { vectors } = await encoder.embed(texts)
  async function* later(): AsyncGenerator<Text> {
    for (const [i, text] of texts.entries()) {
      if (i % 300 === 0) await delay(2)
      yield text
    }
  }
  for (const source of [later(), texts.values(), { [Symbol.iterator]: () => texts.values() }]) {
    let next = 0
    for await (const slice of encoder.embed(source)) {
      t.is(slice.first, next)
      t.deepEqual(slice.texts, texts.slice(next, next + slice.texts.length))
      t.deepEqual(slice.dims, [slice.texts.length, 8])
      equalExactly(
        t,
        slice.vectors,
        vectors.subarray(next * 8, (next + slice.texts.length) * 8),
        `from ${next}`,
      )
      next += slice.texts.length
    }
    t.is(next, texts.length)
  }
})

test('options hold for a stream, and it tells what was cut', async (t) => {
  const encoder = await load()
  const options = { pooling: 'cls', normalize: true } as const
  const [slice] = await collected(encoder.embed(new Set(['the cat', 'the '.repeat(60)]), options))
  t.is(slice!.truncated, 1)
  const { vectors } = await encoder.embed(['the cat', 'the '.repeat(60)], options)
  equalExactly(t, slice!.vectors, vectors, 'vectors')
})

/** Fewer where a device may be emulated, which takes a third of a millisecond for a text. */
const manyTexts = onCpu ? 200_000 : 20_000

test(`a stream of ${manyTexts} texts never asks for more than a few slices ahead`, async (t) => {
  const encoder = await load()
  const count = manyTexts
  const { seen, source } = counted(count)
  let [taken, most, slices] = [0, 0, 0]
  for await (const { first, texts, vectors } of encoder.embed(source)) {
    if (first !== taken || vectors.length !== texts.length * 8) t.fail(`a slice from ${first} after ${taken}`)
    taken += texts.length
    slices++
    most = Math.max(most, seen.pulled - taken)
  }
  t.is(taken, count)
  t.true(slices >= count / 128)
  t.true(most <= 6 * 128, `${most} texts ahead`)
  t.true(seen.closed)
})

test('nothing is asked for while nobody takes', async (t) => {
  const encoder = await load()
  const { seen, source } = counted(100_000)
  const slices = encoder.embed(source)
  t.is(seen.pulled, 0)
  await slices.next()
  // What was asked for ahead arrives in its own time.
  let pulled = 0
  for (let quiet = 0; quiet < 3; quiet++) {
    await delay(50)
    if (seen.pulled !== pulled) quiet = 0
    pulled = seen.pulled
  }
  t.true(pulled <= 6 * 128, `${pulled} texts ahead`)
  await slices.return()
  t.true(seen.closed)
})

test('leaving the loop closes the source, and the encoder goes on', async (t) => {
  const encoder = await load()
  const { seen, source } = counted(100_000)
  for await (const { first } of encoder.embed(source)) if (first > 1000) break
  t.true(seen.closed)
  const pulled = seen.pulled
  t.true(pulled < 3000, `${pulled}`)
  await delay(20)
  t.is(seen.pulled, pulled)
  t.deepEqual((await encoder.embed(['the cat'])).dims, [1, 8])

  const again = counted(100_000)
  const thrown = new Error('mine')
  const loop = async () => {
    for await (const _ of encoder.embed(again.source)) throw thrown
  }
  t.is(await t.throwsAsync(loop), thrown)
  t.true(again.seen.closed)
})

test('a source that makes us wait is not waited for: what it gave is computed', async (t) => {
  const encoder = await load()
  const got: string[] = []
  let tell = () => {}
  // Each text is given only when the vector of the one before it was seen.
  async function* conversation(): AsyncGenerator<string> {
    for (const text of ['the cat', 'sat', 'the mat']) {
      const answered = new Promise<void>((resolve) => {
        tell = resolve
      })
      yield text
      await answered
    }
  }
  for await (const { texts } of encoder.embed(conversation())) {
    got.push(...(texts as string[]))
    tell()
  }
  t.deepEqual(got, ['the cat', 'sat', 'the mat'])
})

test('a source that fails is told after the texts before it', async (t) => {
  const encoder = await load()
  const thrown = new Error('the disk is gone')
  for (const before of [0, 1, 128, 500]) {
    async function* failing(): AsyncGenerator<string> {
      for (let i = 0; i < before; i++) yield textOf(i)
      throw thrown
    }
    let taken = 0
    const loop = async () => {
      for await (const { texts } of encoder.embed(failing())) taken += texts.length
    }
    t.is(await t.throwsAsync(loop), thrown)
    t.is(taken, before)
  }
})

test('what is no text is refused by its number, after the texts before it', async (t) => {
  const encoder = await load()
  let taken = 0
  const loop = async (source: Iterable<unknown>) => {
    for await (const { texts } of encoder.embed(source as Set<Text>)) taken += texts.length
  }
  const texts = [...Array.from({ length: 200 }, (_, i) => textOf(i)), 5, 'the']
  await t.throwsAsync(() => loop(new Set(texts)), { name: 'TypeError', message: /`texts\[\d+\]`.* got 5/ })
  await t.throwsAsync(() => loop(texts.values()), { name: 'TypeError', message: /`texts\[200\]`.* got 5/ })
  t.true(taken >= 200)
})

test('a signal ends a stream at once, though its source never answers', async (t) => {
  const encoder = await load()
  const reason = { not: 'even an error' }
  const controller = new AbortController()
  let closed = false
  const silent = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => {}),
      return: async () => {
        closed = true
        return { done: true as const, value: undefined }
      },
    }),
  }
  const next = encoder.embed(silent, { signal: controller.signal }).next()
  await delay(5)
  controller.abort(reason)
  t.is(await next.catch((error) => error), reason)
  // It is still being asked; closing it would be out of turn.
  t.false(closed)

  const { seen, source } = counted(100_000)
  const another = new AbortController()
  const loop = async () => {
    for await (const _ of encoder.embed(source, { signal: another.signal })) another.abort(reason)
  }
  t.is(await loop().catch((error) => error), reason)
  t.true(seen.closed)
})

test('a stream of nothing gives nothing', async (t) => {
  const encoder = await load()
  t.deepEqual(await collected(encoder.embed(new Set<string>())), [])
  t.deepEqual(await collected(encoder.embed(counted(0).source)), [])
})

test('a stream ends by name when its encoder is disposed', async (t) => {
  const encoder = await load()
  const disposed = { name: 'TwofourError', code: 'ENCODER_DISPOSED' }
  const { seen, source } = counted(100_000)
  const loop = async () => {
    for await (const _ of encoder.embed(source)) encoder.dispose()
  }
  await t.throwsAsync(loop, disposed)
  t.true(seen.closed)
  await t.throwsAsync(() => encoder.embed(new Set(['the'])).next(), disposed)
})

test('a string is no stream of texts, and unknown options are refused', async (t) => {
  const encoder = await load()
  for (const texts of ['the cat', 5, null, {}])
    await t.throwsAsync(() => encoder.embed(texts as string[]), {
      name: 'TypeError',
      message: /`texts` to be an array/,
    })
  await t.throwsAsync(() => encoder.embed(new Array<string>(1)), {
    name: 'TypeError',
    message: /`texts\[0\]`/,
  })
  const options = { poolin: 'mean' } as EmbedOptions
  await t.throwsAsync(() => encoder.embed(new Set(['the']), options).next(), {
    message: /Did you mean `pooling`/,
  })
})

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { Encoder, type TextSource } from 'twofour'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'
import { put, vocabTxt } from './tiny-tokenizers.js'

const model = makeCheckpoint({ hidden: 8, heads: 2, inner: 8, layers: 1, seed: 43 }).then((directory) =>
  put(directory, { 'vocab.txt': vocabTxt }),
)
const load = () => model.then((path) => Encoder.load(path, { device: 'cpu' }))
const linesOf = (count: number) => Array.from({ length: count }, (_, i) => `the cat ${i}`)

async function fileOf(lines: readonly string[]): Promise<string> {
  const file = join(temporaryDirectory('sources'), 'lines.txt')
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}

/** A source that only gives what comes while somebody listens. */
const sources: Readonly<Record<string, (lines: readonly string[]) => Promise<TextSource>>> = {
  'node:readline': async (lines) => {
    const input = createReadStream(await fileOf(lines))
    return createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  },
  'filehandle.readLines': async (lines) => (await open(await fileOf(lines))).readLines(),
  Readable: async (lines) => Readable.from(lines),
  'web stream': async (lines) => ReadableStream.from(lines) as unknown as TextSource,
  'web stream without iteration': async (lines) => {
    const reader = (ReadableStream.from(lines) as ReadableStream<string>).getReader()
    return { getReader: () => reader }
  },
  generator: async (lines) =>
    (async function* () {
      yield* lines
    })(),
}

for (const [name, made] of Object.entries(sources)) {
  test(`no text of ${name} is lost, however long the first call takes`, async (t) => {
    for (const count of [1, 127, 128, 129, 3000]) {
      const lines = linesOf(count)
      // The first call reads the tokenizer, the later ones do not.
      const encoder = await load()
      for (let call = 0; call < 2; call++) {
        const source = await made(lines)
        const seen: unknown[] = []
        for await (const { first, texts } of encoder.embed(source)) {
          t.is(first, seen.length)
          seen.push(...texts)
        }
        t.deepEqual(seen, lines, `${count} lines, call ${call}`)
      }
      encoder.dispose()
    }
  })
}

test('lines that come before the loop begins are kept', async (t) => {
  const lines = linesOf(500)
  const encoder = await load()
  const source = createInterface({ input: Readable.from([`${lines.join('\n')}\n`]) })
  const stream = encoder.embed(source)
  for (let turn = 0; turn < 20; turn++) await setImmediate()
  const seen: unknown[] = []
  for await (const { texts } of stream) seen.push(...texts)
  t.deepEqual(seen, lines)
  encoder.dispose()
})

/** Whether a source was closed, which never ends by itself. */
function endless() {
  const state = { closed: false, asked: 0 }
  const source = {
    [Symbol.asyncIterator]() {
      return {
        next: async () => ({ done: false as const, value: `the cat ${state.asked++}` }),
        return: async () => {
          state.closed = true
          return { done: true as const, value: undefined }
        },
      }
    },
  }
  return { state, source }
}

test('a source is closed where the loop is left, never begun, or refused', async (t) => {
  const encoder = await load()
  const left = endless()
  for await (const { texts } of encoder.embed(left.source)) {
    t.true(texts.length > 0)
    break
  }
  t.true(left.state.closed)

  const unused = endless()
  await encoder.embed(unused.source).return()
  t.deepEqual(unused.state, { closed: true, asked: 0 })

  const refused = endless()
  await t.throwsAsync(encoder.embed(refused.source, { pooling: 'none' as never }).next(), {
    message: /pooling/,
  })
  t.true(refused.state.closed)

  encoder.dispose()
  const late = endless()
  await t.throwsAsync(encoder.embed(late.source).next(), { code: 'ENCODER_DISPOSED' })
  t.true(late.state.closed)
})

test('a source that throws rejects after the texts before it', async (t) => {
  const encoder = await load()
  async function* failing() {
    yield* linesOf(200)
    throw new Error('the disk is gone')
  }
  let texts = 0
  const error = await t.throwsAsync(async () => {
    for await (const slice of encoder.embed(failing())) texts += slice.texts.length
  })
  t.is(error.message, 'the disk is gone')
  t.is(texts, 200)

  const input = new Readable({ read() {} })
  const lines = createInterface({ input })
  const stream = encoder.embed(lines)
  input.push('the cat\n')
  t.is((await stream.next()).value!.texts.length, 1)
  input.push(null)
  await once(lines, 'close')
  t.true((await stream.next()).done)
  encoder.dispose()
})

test('bytes are refused with what makes lines of them', async (t) => {
  const encoder = await load()
  const bytes = createReadStream(await fileOf(linesOf(3))) as unknown as TextSource
  await t.throwsAsync(encoder.embed(bytes).next(), {
    instanceOf: TypeError,
    message: /texts\[0\].*node:readline/,
  })
  encoder.dispose()
})

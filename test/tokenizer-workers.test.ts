import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { TwofourError } from 'twofour'
import type { PackedTexts, Text } from '../lib/tokenizer/packed.js'
import { TokenizerWorkers } from '../lib/tokenizer/workers.js'
import { Tokenizer } from '../lib/tokenizer.js'
import { runChild, twofourUrl } from './child.js'
import { temporaryDirectory } from './temporary-directory.js'
import { put, vocabTxt } from './tiny-tokenizers.js'

const demo = join(import.meta.dirname, '../models/demo/model')
const modelLimit = 512
const opened = Tokenizer.open(demo, { modelLimit })

const table = readFileSync(join(demo, '../eval.tsv'), 'utf8')
const rows = table
  .split('\n')
  .slice(1, -1)
  .map((line) => line.split('\t'))
const texts: Text[] = rows.flatMap(([first = '', second = '']) => [
  first,
  second,
  [first, second] as const,
  '',
])

function workers(directory = demo, options: { modelLimit: number; maxLength?: number } = { modelLimit }) {
  return new TokenizerWorkers({ directory, options })
}

/** What the tokenizer itself makes of the texts. */
async function expected(all: readonly Text[]): Promise<PackedTexts> {
  const tokenizer = await opened
  const encodings = all.map((text) =>
    typeof text === 'string' ? tokenizer.encode(text) : tokenizer.encode(...text),
  )
  let at = 0
  return {
    ids: Int32Array.from(encodings.flatMap(({ inputIds }) => inputIds)),
    types: Int32Array.from(encodings.flatMap(({ tokenTypeIds }) => tokenTypeIds)),
    offsets: Int32Array.from([0, ...encodings.map(({ inputIds }) => (at += inputIds.length))]),
    truncated: Uint8Array.from(encodings.map(({ truncated }) => Number(truncated))),
  }
}

test('texts and pairs get the tokens that the tokenizer gives them', async (t) => {
  const threads = workers()
  t.deepEqual(await threads.tokenize(texts), await expected(texts))
  t.deepEqual((await threads.tokenize(['one', 'two'])).types, new Int32Array(0))
  t.deepEqual((await threads.tokenize([])).offsets, Int32Array.of(0))
  threads.end(undefined)
})

test('calls that wait together each get their own texts, and what is cut is told', async (t) => {
  const threads = workers()
  const calls = texts.slice(0, 300).map((text, i) => texts.slice(i, i + (i % 5)).concat(text))
  const results = await Promise.all(calls.map((call) => threads.tokenize(call)))
  for (const [i, call] of calls.entries()) {
    const { types, ...rest } = await expected(call)
    const result = results[i]!
    t.deepEqual({ ids: result.ids, offsets: result.offsets, truncated: result.truncated }, rest)
    if (result.types.length > 0 || types.some((type) => type !== 0)) {
      const given = result.types.length === 0 ? types.map(() => 0) : result.types
      t.deepEqual(given, types)
    }
  }
  const long = 'word '.repeat(modelLimit)
  t.deepEqual((await threads.tokenize([long, 'short', long])).truncated, Uint8Array.of(1, 0, 1))
  threads.end(undefined)
})

test('the event loop turns while a thread tokenises', async (t) => {
  const threads = workers()
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await threads.tokenize(Array.from({ length: 20 }, () => 'so many words '.repeat(1000)))
  clearInterval(timer)
  t.true(turns > 5, `${turns} turns`)
  threads.end(undefined)
})

test('threads that had ended start again', async (t) => {
  const threads = workers()
  const { ids } = await threads.tokenize(['A man plays.'])
  threads.end(undefined)
  t.deepEqual((await threads.tokenize(['A man plays.'])).ids, ids)
  threads.end(undefined)
})

test('a text that is refused fails its own call only, by the same error', async (t) => {
  // Two special tokens fit, the three of a pair do not.
  const options = { modelLimit, maxLength: 2 }
  const tokenizer = await Tokenizer.open(demo, options)
  const threads = workers(demo, options)
  const outcomes = await Promise.allSettled([
    threads.tokenize(['one']),
    threads.tokenize(['one', ['two', 'three'], ['four', 'five']]),
    threads.tokenize(['one']),
  ])
  const { message } = t.throws(() => tokenizer.encode('two', 'three'), { instanceOf: RangeError })
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  const { reason } = outcomes[1] as PromiseRejectedResult
  t.true(reason instanceof RangeError)
  t.is(reason.message, message)
  threads.end(undefined)
})

test('what is wrong with the tokenizer itself is the same TwofourError, facts and all', async (t) => {
  const missing = temporaryDirectory()
  const broken = await put(temporaryDirectory(), { 'tokenizer.json': '{' })
  for (const directory of [missing, broken]) {
    const own = await t.throwsAsync(() => Tokenizer.open(directory, { modelLimit }))
    const threads = workers(directory)
    for (let time = 0; time < 2; time++) {
      const error = await t.throwsAsync(() => threads.tokenize(['one', 'two']))
      t.true(error.name === 'TwofourError' && 'code' in error && 'facts' in error)
      const { code, facts, message } = error as TwofourError
      const { code: ownCode, facts: ownFacts, message: ownMessage } = own as TwofourError
      t.deepEqual({ code, facts, message }, { code: ownCode, facts: ownFacts, message: ownMessage })
    }
    threads.end(undefined)
  }
})

test('a call is rejected as soon as its signal fires; the others go on', async (t) => {
  const threads = workers(await put(temporaryDirectory(), { 'vocab.txt': vocabTxt }))
  const reason = { mine: true }
  const sent = new AbortController()
  const waiting = new AbortController()
  const first = threads.tokenize(['the cat'], sent.signal)
  const many = Array.from({ length: 300 }, () => threads.tokenize(['the cat sat'], waiting.signal))
  const last = threads.tokenize(['the mat'])
  sent.abort(reason)
  waiting.abort(reason)
  const outcomes = await Promise.allSettled([first, ...many])
  t.true(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === reason))
  t.deepEqual((await last).ids, Int32Array.of(2, 5, 20, 3))
  threads.end(undefined)
})

test('the end rejects what waits, with its reason', async (t) => {
  const threads = workers()
  const calls = Promise.allSettled(texts.map((text) => threads.tokenize([text])))
  const reason = new Error('enough')
  threads.end(reason)
  for (const outcome of await calls) t.deepEqual(outcome, { status: 'rejected', reason })
})

const many = `Array.from({ length: 500 }, (_, i) => 'Text number ' + i)`
const ends: [how: string, source: string, stdout: string][] = [
  [
    'once its texts are embedded, with threads that rest',
    `const encoder = await Encoder.load(process.argv[1], { device: 'cpu' })
     encoder.embed(${many}).then(({ dims }) => process.stdout.write(String(dims)))`,
    '500,384',
  ],
  [
    'by process.exit() while texts are tokenised',
    `const encoder = await Encoder.load(process.argv[1], { device: 'cpu' })
     encoder.embed(${many})
     setTimeout(() => process.exit(0), 60)`,
    '',
  ],
  [
    'when it disposes while texts are tokenised',
    `const encoder = await Encoder.load(process.argv[1], { device: 'cpu' })
     await encoder.tokenizer()
     const embedded = encoder.embed(${many}).catch((error) => process.stdout.write(error.code))
     setImmediate(() => encoder.dispose())
     await embedded`,
    'ENCODER_DISPOSED',
  ],
  [
    'after a worker of its own has embedded',
    `import { Worker } from 'node:worker_threads'
     const body = \`const { workerData, parentPort } = require('node:worker_threads')
       import(workerData.url).then(async ({ Encoder }) => {
         const encoder = await Encoder.load(workerData.model, { device: 'cpu' })
         parentPort.postMessage((await encoder.embed(${many})).dims)
       })\`
     const workerData = { model: process.argv[1], url: ${JSON.stringify(twofourUrl)} }
     const worker = new Worker(body, { eval: true, workerData, execArgv: [] })
     worker.on('message', (dims) => process.stdout.write(String(dims)))`,
    '500,384',
  ],
]

for (const [how, source, stdout] of ends) {
  test.serial(`a process ends ${how}`, async (t) => {
    const end = await runChild(source, [demo])
    t.deepEqual(end, { code: 0, signal: null, stdout, stderr: '' })
  })
}

import { parentPort, workerData } from 'node:worker_threads'
import { Tokenizer } from '../tokenizer.js'
import { plainError, type Reply, type Start } from './messages.js'
import { type Text, type Tokenized, tokenizeTexts } from './packed.js'

/** The thread that lib/tokenizer/workers.ts starts: one tokenizer, one reply to each array of texts, in order. */
const { directory, options } = workerData as Start
const opening = Tokenizer.open(directory, options)
// Whoever asks is told.
opening.catch(() => {})

parentPort!.on('message', (texts: readonly Text[]) => {
  opening
    .then(
      (tokenizer) => tokenizeTexts(tokenizer, texts),
      (error: unknown) => noTexts(texts.length, error),
    )
    .then(send)
})

function noTexts(count: number, error: unknown): Tokenized {
  const none = new Int32Array(0)
  const packed = {
    ids: none,
    types: none,
    offsets: new Int32Array(count + 1),
    truncated: new Uint8Array(count),
  }
  return { packed, failures: Array.from({ length: count }, (_, i) => [i, error]) }
}

function send({ packed, failures }: Tokenized): void {
  const reply: Reply = { packed, failures: failures.map(([text, error]) => [text, plainError(error)]) }
  const { ids, types } = packed
  const buffers = new Set([ids.buffer, types.buffer] as ArrayBuffer[])
  parentPort!.postMessage(reply, [...buffers])
}

import { describe } from '../check.js'
import { charactersOf, type Text } from '../tokenizer/packed.js'

/** Consecutive texts; `first` is the number of the first. */
export type TextChunk = { readonly first: number; readonly texts: readonly Text[] }

/**
 * Texts that need not all be there at once: a generator, a stream in object mode, the lines of `node:readline` or of
 * `filehandle.readLines()`, a web stream. A string is none, though it can be iterated.
 */
export type TextSource = AsyncIterable<Text> | (Iterable<Text> & object) | TextStream

/** As much of a web `ReadableStream` as is used where it cannot be iterated. */
export type TextStream = {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Text | undefined }>
    cancel(): Promise<void>
  }
}

/** A source that is being listened to. `waits`: it may make us wait. */
export type Subscription = { readonly iterator: Texts; readonly waits: boolean }

type Texts = {
  next(): Promise<IteratorResult<unknown, unknown>> | IteratorResult<unknown, unknown>
  return?(): unknown
}

export function isSource(texts: unknown): texts is TextSource {
  if (typeof texts !== 'object' || texts === null || Array.isArray(texts)) return false
  return Symbol.asyncIterator in texts || Symbol.iterator in texts || isStream(texts)
}

/**
 * Begins to listen, at once: the lines of `node:readline` are events, and those that come before anybody listens are
 * lost. What is not taken is closed by `closeSubscription`.
 */
export function subscribe(source: TextSource): Subscription {
  if (Symbol.asyncIterator in source) return { iterator: source[Symbol.asyncIterator](), waits: true }
  if (Symbol.iterator in source) return { iterator: source[Symbol.iterator](), waits: false }
  const reader = source.getReader()
  const next = async () => (await reader.read()) as IteratorResult<unknown>
  return { iterator: { next, return: () => reader.cancel() }, waits: true }
}

export async function closeSubscription({ iterator }: Subscription): Promise<void> {
  await iterator.return?.()
}

function isStream(texts: object): texts is TextStream {
  return 'getReader' in texts && typeof texts.getReader === 'function'
}

/** About half of what the CPU computes at once, so that it computes two while two are being tokenised. */
const mostTexts = 128
const mostCharacters = 16_384

const pause = Symbol('pause')

/**
 * Texts in chunks, in order. A source that makes us wait is not waited for: what came so far is a chunk.
 * @throws TypeError naming the text that is none; what the source throws, after the texts before it
 */
export async function* textChunks(source: Subscription): AsyncGenerator<TextChunk, void, undefined> {
  let first = 0
  let texts: Text[] = []
  let characters = 0
  const taken = (): TextChunk => {
    const chunk = { first, texts }
    first += texts.length
    texts = []
    characters = 0
    return chunk
  }
  try {
    for await (const arrived of arrivals(source)) {
      if (arrived !== pause) {
        const text = checkText(arrived, first + texts.length)
        characters += charactersOf([text])
        texts.push(text)
      }
      const full = texts.length >= mostTexts || characters >= mostCharacters
      if (texts.length > 0 && (full || arrived === pause)) yield taken()
    }
  } catch (error) {
    if (texts.length > 0) yield taken()
    throw error
  }
  if (texts.length > 0) yield taken()
}

/** What a source gives, and a `pause` where it takes longer than a turn of the event loop. */
async function* arrivals({ iterator, waits }: Subscription): AsyncGenerator<unknown, void, undefined> {
  const ofThisTurn = turns()
  let open = true
  try {
    for (;;) {
      const next = iterator.next()
      if (waits && (await ofThisTurn(next)) === pause) yield pause
      // One that has failed or ended is closed already.
      open = false
      const { done, value } = await next
      if (done === true) return
      open = true
      yield value
    }
  } finally {
    if (open) await iterator.return?.()
  }
}

/** Waits for promises, but no longer than to the next turn of the event loop. */
function turns(): (promise: unknown) => Promise<unknown> {
  let turn: Promise<typeof pause> | undefined
  return (promise) => {
    turn ??= new Promise((resolve) => {
      setImmediate(() => {
        turn = undefined
        resolve(pause)
      })
    })
    return Promise.race([promise, turn])
  }
}

/** @throws TypeError naming the text by its number */
export function checkText(text: unknown, number: number): Text {
  if (typeof text === 'string') return text
  if (Array.isArray(text) && text.length === 2 && text.every((part) => typeof part === 'string'))
    return text as [string, string]
  const fix = ArrayBuffer.isView(text)
    ? ' Bytes have no lines: read them through `node:readline`, or `filehandle.readLines()`.'
    : ''
  throw new TypeError(
    `Expected \`texts[${number}]\` to be a string or a pair of strings, got ${describe(text)}.${fix}`,
  )
}

/** An array's texts in chunks as `textChunks` makes them. */
export async function* arrayChunks(texts: readonly Text[]): AsyncGenerator<TextChunk, void, undefined> {
  let first = 0
  while (first < texts.length) {
    const end = chunkEnd(texts, first)
    yield { first, texts: texts.slice(first, end) }
    first = end
  }
}

/** Where the chunk ends that begins with text `first`. */
export function chunkEnd(texts: readonly Text[], first: number): number {
  let end = first
  for (
    let characters = 0;
    end < texts.length && end - first < mostTexts && characters < mostCharacters;
    end++
  )
    characters += charactersOf([texts[end]!])
  return end
}

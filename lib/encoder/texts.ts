import { describe } from '../check.js'
import type { Encoding } from '../tokenizer.js'
import type { PackedBatch } from './batch.js'
import { packBatch } from './batch.js'
import type { Encoder } from './encoder.js'

/** A text, or a pair of texts for models that read two. */
export type Text = string | readonly [string, string]

/** Consecutive texts, tokenised and packed; `first` is the number of its first text. */
export type TextSlice = {
  readonly first: number
  readonly encodings: readonly Encoding[]
  readonly batch: PackedBatch
}

/**
 * Texts in slices of at most the encoder's `maxTokens` tokens, in order. The event loop runs between slices.
 * @throws TypeError naming the text that is none; what the tokenizer throws
 */
export async function* textSlices(encoder: Encoder, texts: readonly Text[]): AsyncGenerator<TextSlice> {
  if (!Array.isArray(texts))
    throw new TypeError(`Expected \`texts\` to be an array of texts, got ${describe(texts)}.`)
  texts.forEach(checkText)
  const tokenizer = await encoder.tokenizer()
  let first = 0
  let tokens = 0
  let encodings: Encoding[] = []
  const slice = (): TextSlice => ({
    first,
    encodings,
    batch: packBatch(encodings.map(sequenceOf), encoder.spec),
  })
  for (const text of texts) {
    const encoding = typeof text === 'string' ? tokenizer.encode(text) : tokenizer.encode(text[0]!, text[1])
    if (encodings.length > 0 && tokens + encoding.inputIds.length > encoder.maxTokens) {
      yield slice()
      first += encodings.length
      tokens = 0
      encodings = []
    }
    encodings.push(encoding)
    tokens += encoding.inputIds.length
  }
  if (encodings.length > 0) yield slice()
}

function sequenceOf({ inputIds, tokenTypeIds }: Encoding) {
  // Families without token types read none.
  return tokenTypeIds.some((type) => type !== 0) ? { inputIds, tokenTypeIds } : inputIds
}

function checkText(text: unknown, index: number): void {
  if (typeof text === 'string') return
  if (Array.isArray(text) && text.length === 2 && text.every((part) => typeof part === 'string')) return
  throw new TypeError(
    `Expected \`texts[${index}]\` to be a string or a pair of strings, got ${describe(text)}.`,
  )
}

import type { RunRequest, RunResult } from '../../binding.js'
import { describe } from '../check.js'
import { TwofourError } from '../errors.js'
import type { PackedTexts, Text } from '../tokenizer/packed.js'
import { type PackedBatch, packBatch } from './batch.js'
import type { Encoder } from './encoder.js'
import { inOrder } from './pipeline.js'
import type { Lane } from './requests.js'
import {
  arrayChunks,
  checkText,
  chunkEnd,
  type Subscription,
  type TextChunk,
  textChunks,
} from './text-chunks.js'

export type { Text } from '../tokenizer/packed.js'

/** Consecutive texts of a call, and what became of them; `first` is the number of the first. */
export type TextsRun = TextChunk & {
  /** For each text 1 where something of it was cut off, else 0. */
  readonly truncated: Uint8Array
  readonly batch: PackedBatch
  readonly result: RunResult
}

/** Chunks that are being tokenised or computed. */
const ahead = 4

/**
 * Tokenises texts and runs them in chunks, in order: one chunk is tokenised while another is computed, and a few at
 * most are ahead of what was taken.
 * @param ask what is to be computed of a batch
 * @param prefix put before each text, of a pair before the first
 * @throws TypeError naming the text that is none; what the tokenizer, the source and the run throw
 */
export async function* runTexts(
  encoder: Encoder,
  texts: readonly Text[] | Subscription,
  ask: (batch: PackedBatch) => RunRequest,
  signal: AbortSignal | undefined,
  prefix = '',
): AsyncGenerator<TextsRun, void, undefined> {
  const lane: Lane = { inFlight: 0 }
  const run = async (chunk: TextChunk, until: AbortSignal | undefined): Promise<TextsRun> => {
    const packed = await encoder.tokenize(withPrefix(chunk.texts, prefix), until)
    checkTokens(chunk, packed)
    const batch = packBatch(sequencesOf(packed), encoder.spec)
    const result = await encoder.submit(ask(batch), until, lane)
    return { ...chunk, truncated: packed.truncated, batch, result }
  }
  if (!Array.isArray(texts)) return yield* inOrder(textChunks(texts as Subscription), ahead, run, signal)
  // By index, so that the holes of a sparse array are refused.
  for (let i = 0; i < texts.length; i++) checkText(texts[i], i)
  if (texts.length > chunkEnd(texts, 0)) return yield* inOrder(arrayChunks(texts), ahead, run, signal)
  if (texts.length > 0) yield await run({ first: 0, texts }, signal)
}

/** A tokenizer without special tokens may find nothing in a text. */
function checkTokens({ first, texts }: TextChunk, { offsets }: PackedTexts): void {
  const empty = texts.findIndex((_, i) => offsets[i] === offsets[i + 1])
  if (empty < 0) return
  throw new TwofourError(
    'TOKENIZER_INVALID',
    `\`texts[${first + empty}]\` (${describe(texts[empty])}) has no tokens, and the model's tokenizer adds no special ones. Leave it out.`,
    { text: first + empty },
  )
}

function withPrefix(texts: readonly Text[], prefix: string): readonly Text[] {
  if (prefix === '') return texts
  return texts.map((text) =>
    typeof text === 'string' ? prefix + text : ([prefix + text[0], text[1]] as const),
  )
}

/** @throws TypeError */
export function checkTexts(texts: readonly Text[]): void {
  if (!Array.isArray(texts))
    throw new TypeError(`Expected \`texts\` to be an array of texts, got ${describe(texts)}.`)
}

/** As `packBatch` takes them; views. */
export function sequencesOf({ ids, types, offsets }: PackedTexts) {
  return Array.from({ length: offsets.length - 1 }, (_, i) => {
    const inputIds = ids.subarray(offsets[i], offsets[i + 1])
    // Families without token types read none.
    return types.length === 0
      ? inputIds
      : { inputIds, tokenTypeIds: types.subarray(offsets[i], offsets[i + 1]) }
  })
}

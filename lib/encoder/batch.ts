import { type EncoderSpec, maxTokens } from '../architecture/spec.js'
import { checkKeys, describe, expected } from '../check.js'

/** Token ids of one text; `tokenTypeIds` (default all 0) has the same length. */
export type Sequence =
  | readonly number[]
  | Int32Array
  | {
      readonly inputIds: readonly number[] | Int32Array
      readonly tokenTypeIds?: readonly number[] | Int32Array | undefined
    }

/** Sequences one after another, never padded. Copies: later changes to the input change nothing. */
export type PackedBatch = {
  readonly ids: Int32Array
  /** Empty where every type is 0. */
  readonly types: Int32Array
  /** n + 1 entries: sequence i is tokens [offsets[i], offsets[i + 1]). */
  readonly sequenceOffsets: Int32Array
}

type Ids = readonly number[] | Int32Array
type Parts = { ids: Ids; types: Ids | undefined }

const none = new Int32Array(0)

/** @throws TypeError, or RangeError naming the sequence and the token that is out of range */
export function packBatch(sequences: readonly Sequence[], spec: EncoderSpec): PackedBatch {
  if (!Array.isArray(sequences))
    throw new TypeError(expected('sequences', 'an array of sequences', sequences))
  // Plain loops: a call for one short text is over in microseconds, and whatever it touches counts.
  const sequenceOffsets = new Int32Array(sequences.length + 1)
  const limit = maxTokens(spec)
  const parts: Parts[] = []
  let total = 0
  let typed = false
  // By index, so that the holes of a sparse array are refused.
  for (let i = 0; i < sequences.length; i++) {
    const part = partsOf(sequences[i], i)
    checkLength(i, part.ids, part.types, limit)
    total += part.ids.length
    if (total > 2 ** 31 - 1) throw new RangeError('A batch holds at most 2147483647 tokens. Split it.')
    if (part.types !== undefined) typed = true
    sequenceOffsets[i + 1] = total
    parts.push(part)
  }

  const packed = new Int32Array(total)
  const packedTypes = typed ? new Int32Array(total) : none
  for (let i = 0; i < parts.length; i++) {
    const { ids, types } = parts[i]!
    const begin = sequenceOffsets[i]!
    copyChecked(i, 'inputIds', ids, spec.vocab, packed, begin)
    if (types !== undefined)
      copyChecked(i, 'tokenTypeIds', types, Math.max(spec.tokenTypes, 1), packedTypes, begin)
  }
  return { ids: packed, types: packedTypes, sequenceOffsets }
}

function partsOf(sequence: unknown, index: number): Parts {
  if (isIds(sequence)) return { ids: sequence, types: undefined }
  const name = `sequences[${index}]`
  if (typeof sequence !== 'object' || sequence === null || ArrayBuffer.isView(sequence)) {
    throw new TypeError(expected(name, 'a number[], an Int32Array or { inputIds }', sequence))
  }
  checkKeys(name, sequence, ['inputIds', 'tokenTypeIds'])
  const { inputIds, tokenTypeIds } = sequence
  if (!isIds(inputIds)) throw new TypeError(expected(`${name}.inputIds`, 'an array of token ids', inputIds))
  if (tokenTypeIds !== undefined && !isIds(tokenTypeIds)) {
    throw new TypeError(expected(`${name}.tokenTypeIds`, 'an array of token types', tokenTypeIds))
  }
  return { ids: inputIds, types: tokenTypeIds }
}

function isIds(value: unknown): value is Ids {
  return Array.isArray(value) || value instanceof Int32Array
}

function checkLength(index: number, ids: Ids, types: Ids | undefined, limit: number): void {
  if (ids.length === 0) {
    throw new RangeError(
      `Expected \`sequences[${index}]\` to have at least one token (an empty text has its special tokens), got none.`,
    )
  }
  if (ids.length > limit) {
    throw new RangeError(
      `Expected \`sequences[${index}]\` to have at most ${limit} tokens (the model's positions), got ${ids.length}. Truncate it.`,
    )
  }
  if (types !== undefined && types.length !== ids.length) {
    throw new RangeError(
      `Expected \`sequences[${index}].tokenTypeIds\` to have ${ids.length} entries like inputIds, got ${types.length}.`,
    )
  }
}

function copyChecked(
  sequence: number,
  name: string,
  from: Ids,
  limit: number,
  to: Int32Array,
  begin: number,
): void {
  for (let i = 0; i < from.length; i++) {
    const value = from[i]!
    // Also for what is no number, which no whole number is identical to.
    if ((value | 0) !== value || value < 0 || value >= limit) {
      throw new RangeError(
        `Expected \`sequences[${sequence}].${name}[${i}]\` to be a whole number from 0 to ${limit - 1}, got ${describe(value)}.`,
      )
    }
    to[begin + i] = value
  }
}

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

/** @throws TypeError, or RangeError naming the sequence and the token that is out of range */
export function packBatch(sequences: readonly Sequence[], spec: EncoderSpec): PackedBatch {
  if (!Array.isArray(sequences))
    throw new TypeError(expected('sequences', 'an array of sequences', sequences))
  // Also of the holes of a sparse array, so that they are refused.
  const parts = Array.from(sequences, partsOf)
  const sequenceOffsets = new Int32Array(parts.length + 1)
  const limit = maxTokens(spec)
  let total = 0
  for (const [i, { ids, types }] of parts.entries()) {
    checkLength(i, ids, types, limit)
    total += ids.length
    if (total > 2 ** 31 - 1) throw new RangeError('A batch holds at most 2147483647 tokens. Split it.')
    sequenceOffsets[i + 1] = total
  }

  const packed = new Int32Array(total)
  const packedTypes = new Int32Array(parts.some(({ types }) => types !== undefined) ? total : 0)
  for (const [i, { ids, types }] of parts.entries()) {
    const begin = sequenceOffsets[i]!
    copyChecked(`sequences[${i}].inputIds`, ids, spec.vocab, packed, begin)
    if (types !== undefined) {
      copyChecked(`sequences[${i}].tokenTypeIds`, types, Math.max(spec.tokenTypes, 1), packedTypes, begin)
    }
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

function copyChecked(name: string, from: Ids, limit: number, to: Int32Array, begin: number): void {
  for (let i = 0; i < from.length; i++) {
    const value: unknown = from[i]
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= limit) {
      throw new RangeError(
        `Expected \`${name}[${i}]\` to be a whole number from 0 to ${limit - 1}, got ${describe(value)}.`,
      )
    }
    to[begin + i] = value
  }
}

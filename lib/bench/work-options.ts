import type { EncoderSpec } from '../index.js'
import type { CompareOptions } from './compare.js'
import { shapeWorks, sizeOf, textWork } from './works.js'

export type WorkOptions = {
  /** Sequences of a batch. @default 1, 8, 32; of texts 32 */
  readonly batches?: readonly number[] | undefined
  /** Tokens of every sequence. @default 16, 128, 384, as far as the model takes them */
  readonly lengths?: readonly number[] | undefined
  /** The user's own texts in their order, instead of lengths. */
  readonly texts?: { readonly name: string; readonly texts: readonly string[] } | undefined
}

const usualBatches = [1, 8, 32]
const usualLengths = [16, 128, 384]
const textBatches = [32]

/**
 * What is to be timed, and what has to be said about it.
 * @throws RangeError for a length that the model does not take
 */
export function planWorks(
  spec: EncoderSpec,
  { batches, lengths, texts }: WorkOptions,
): { works: CompareOptions['works']; notes: string[] } {
  if (texts !== undefined) {
    const works: CompareOptions['works'] = async (tokenise) => {
      const ids = await tokenise(texts.texts)
      return (batches ?? textBatches).map((size) => textWork(`${texts.name}, batches of ${size}`, ids, size))
    }
    return { works, notes: ['Texts are tokenised before the clock starts.'] }
  }
  const limit = longestSequence(spec)
  const tooLong = lengths?.find((length) => length > limit)
  if (tooLong !== undefined) {
    throw new RangeError(
      `Expected \`length\` to be at most ${limit} (the model's positions), got ${tooLong}.`,
    )
  }
  const taken = lengths ?? usualLengths.filter((length) => length <= limit)
  const works = shapeWorks(spec, batches ?? usualBatches, taken.length > 0 ? taken : [limit])
  const largest = Math.max(...works.map((work) => sizeOf(work).tokens))
  const notes = [
    `Token ids without meaning, all sequences of a batch alike in length, up to ${largest} tokens.`,
  ]
  return { works: async () => works, notes }
}

function longestSequence({ positions, positionPadding }: EncoderSpec): number {
  return positionPadding === null ? positions : positions - positionPadding - 1
}

/** A text, or a pair of texts for models that read two. */
export type Text = string | readonly [string, string]

/** Tokenised texts one after another, without padding. */
export type PackedTexts = {
  readonly ids: Int32Array
  /** Empty where every type is 0. */
  readonly types: Int32Array
  /** n + 1 entries: text i is tokens [offsets[i], offsets[i + 1]). */
  readonly offsets: Int32Array
  /** For each text 1 where something of it was cut off, else 0. */
  readonly truncated: Uint8Array
}

type Sequence = {
  readonly inputIds: readonly number[]
  readonly tokenTypeIds: readonly number[]
  readonly truncated: boolean
}

export function packSequences(sequences: readonly Sequence[]): PackedTexts {
  const offsets = new Int32Array(sequences.length + 1)
  for (const [i, { inputIds }] of sequences.entries()) offsets[i + 1] = offsets[i]! + inputIds.length
  const ids = new Int32Array(offsets.at(-1)!)
  const types = new Int32Array(ids.length)
  for (const [i, { inputIds, tokenTypeIds }] of sequences.entries()) {
    ids.set(inputIds, offsets[i])
    types.set(tokenTypeIds, offsets[i])
  }
  const typed = types.some((type) => type !== 0)
  const truncated = Uint8Array.from(sequences, (each) => Number(each.truncated))
  return { ids, types: typed ? types : new Int32Array(0), offsets, truncated }
}

export function charactersOf(texts: readonly Text[]): number {
  let characters = 0
  for (const text of texts)
    characters += typeof text === 'string' ? text.length : text[0].length + text[1].length
  return characters
}

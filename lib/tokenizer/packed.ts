import type { Tokenizer } from '../tokenizer.js'

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

/** The texts that the tokenizer refused, by index; they have no tokens in `packed`. */
export type Tokenized = { readonly packed: PackedTexts; readonly failures: readonly [number, unknown][] }

/** Every text by itself, so that one that is refused leaves the others alone. */
export function tokenizeTexts(tokenizer: Tokenizer, texts: readonly Text[]): Tokenized {
  const ids: number[] = []
  const types: number[] = []
  const offsets = new Int32Array(texts.length + 1)
  const truncated = new Uint8Array(texts.length)
  const failures: [number, unknown][] = []
  let typed = false
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i]!
    try {
      const encoding = typeof text === 'string' ? tokenizer.encode(text) : tokenizer.encode(...text)
      for (const id of encoding.inputIds) ids.push(id)
      for (const type of encoding.tokenTypeIds) {
        types.push(type)
        if (type !== 0) typed = true
      }
      if (encoding.truncated) truncated[i] = 1
    } catch (error) {
      failures.push([i, error])
    }
    offsets[i + 1] = ids.length
  }
  const packed = { ids: Int32Array.from(ids), types: Int32Array.from(typed ? types : []), offsets, truncated }
  return { packed, failures }
}

/** Texts [begin, end) of packed ones. Ids, types and flags are views. */
export function packedPart(packed: PackedTexts, begin: number, end: number): PackedTexts {
  const first = packed.offsets[begin]!
  const last = packed.offsets[end]!
  return {
    ids: packed.ids.subarray(first, last),
    types: packed.types.length === 0 ? packed.types : packed.types.subarray(first, last),
    offsets: packed.offsets.slice(begin, end + 1).map((offset) => offset - first),
    truncated: packed.truncated.subarray(begin, end),
  }
}

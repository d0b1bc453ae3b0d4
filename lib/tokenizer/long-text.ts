import { isJsonObject, type JsonObject } from '../json-file.js'
import { readList } from './added-tokens.js'
import type { AddedToken } from './classes.js'
import type { Piece } from './library.js'

/** Characters from which it is worth while to look at a text's beginning alone. */
const longText = 16_384

/** Steps that cut words at blanks, or leave what another step cut. */
const cutting = ['BertPreTokenizer', 'Whitespace', 'WhitespaceSplit', 'ByteLevel', 'Metaspace']
/** Steps that change a character by its neighbours at most. */
const local = [
  ...['BertNormalizer', 'Lowercase', 'NFC', 'NFD', 'NFKC', 'NFKD', 'Nmt', 'Precompiled', 'Prepend'],
  ...['StripAccents', 'ByteLevel'],
]

/**
 * How many characters before a place between two words surely decide alone on the tokens up to it; undefined where
 * a word's tokens may depend on others far away.
 */
export function reachOf(
  { normalizer, pre_tokenizer, added_tokens }: JsonObject,
  toAdd: readonly AddedToken[],
): number | undefined {
  const steps = flat(pre_tokenizer, 'pretokenizers')
  if (!steps.some(cutsAtBlanks) || !steps.every((step) => cutting.includes(`${step.type}`))) return undefined
  if (!flat(normalizer, 'normalizers').every((step) => local.includes(`${step.type}`))) return undefined
  const added = [...readList(added_tokens).map(({ token }) => token), ...toAdd]
  return 64 + added.reduce((most, { content }) => Math.max(most, content.length), 0)
}

/**
 * Where to cut a long text so that its beginning has more tokens than `budget`, as far as that changes none of them.
 * @param pieces tokenises a text
 * @returns the ids of the first tokens, more than `budget`; undefined where all of the text has to be looked at
 */
export async function beginningOf(
  text: string,
  budget: number,
  reach: number,
  pieces: (text: string) => Promise<Piece[]>,
): Promise<number[] | undefined> {
  for (let size = Math.max(longText, 8 * budget); 2 * size < text.length; size *= 8) {
    const end = text.lastIndexOf(' ', size)
    const sure = end < reach ? 0 : endOfWord(text, end - reach)
    if (sure === 0) continue
    const beginning = text.slice(0, end)
    const limit = codePoints(text.slice(0, sure))
    const found = await pieces(beginning)
    const first = found.findIndex((piece) => piece.end > limit)
    const count = first < 0 ? found.length : first
    if (count > budget) return found.slice(0, count).map(({ id }) => id)
  }
  return undefined
}

export function isLong(text: string): boolean {
  return text.length > 2 * longText
}

/** The end of the last word that ends at `at` or before; 0 where there is none. */
function endOfWord(text: string, at: number): number {
  const blank = text.lastIndexOf(' ', at)
  let end = blank
  while (end > 0 && /\s/.test(text[end - 1]!)) end--
  return Math.max(0, end)
}

function codePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

function cutsAtBlanks(step: JsonObject): boolean {
  if (step.type === 'ByteLevel') return step.use_regex !== false
  return step.type === 'Metaspace' ? step.split !== false : true
}

function flat(step: unknown, list: 'normalizers' | 'pretokenizers'): JsonObject[] {
  if (!isJsonObject(step)) return []
  const inner = step[list]
  return Array.isArray(inner) ? inner.flatMap((each) => flat(each, list)) : [step]
}

import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import { isJsonObject, type JsonObject } from '../json-file.js'
import { readCharsmap } from './charsmap.js'
import { type SpecialName, specialNames, type TokenizerFiles } from './files.js'
import type { Surface } from './offsets.js'
import { hasStep, lowerCaseFirst, prefixed, rewriteNormalizer, rewritePreTokenizer } from './steps.js'
import { readTemplate, type Template } from './template.js'

/** What is used of the library. Its own types name files without an ending, which Node's resolution does not find. */
export type Library = {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[]; tokens: string[] }
  decode(
    ids: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string
  token_to_id(token: string): number | undefined
  id_to_token(id: number): string | undefined
  normalizer: Normalizer | null
  pre_tokenizer: { pre_tokenize(text: string): string[] } | null
  model: { unk_token_id: number | undefined; cache?: WordCache }
}

type WordCache = {
  get(word: string): string[] | undefined
  put(word: string, tokens: string[]): void
  clear(): void
}

type Normalizer = ((text: string) => string) & { normalize(text: string): string; normalizers?: Normalizer[] }

/** What a tokenizer is made of. `words` is `texts` for words that are split already. */
export type Built = { texts: Library; words: Library; template: Template; surface: Surface }

/** Hands the files to the library. Special tokens are the template's, so the library gets no post-processor. */
export function build({ json }: TokenizerFiles, lowerCase: boolean): Built {
  const { model } = json
  const normalizer = rewriteNormalizer(lowerCase ? lowerCaseFirst(json.normalizer) : json.normalizer)
  const pre_tokenizer = rewritePreTokenizer(json.pre_tokenizer)
  const decoder = json.decoder ?? null
  const settings = {
    ...json,
    normalizer,
    pre_tokenizer,
    decoder,
    post_processor: null,
    truncation: null,
    padding: null,
  }
  const unknown = typeof model.unk_token === 'string' ? { unk_token: model.unk_token } : {}
  const texts: Library = new HuggingFaceTokenizer(settings, unknown)
  texts.normalizer = exact(texts.normalizer, normalizer)
  if (texts.model.cache !== undefined) texts.model.cache = plainCache()

  const template = readTemplate(json.post_processor, (token) => texts.token_to_id(token))
  for (const id of [template.single, template.pair]
    .flat()
    .flatMap((part) => ('ids' in part ? part.ids : []))) {
    // The vocabulary is checked against the model; an id from elsewhere would not be.
    if (texts.id_to_token(id) === undefined)
      throw new Error(`post_processor adds the id ${id}, which no token has`)
  }
  return { texts, words: forWords(texts, json.pre_tokenizer), template, surface: surfaceOf(texts, json) }
}

/** In place of the library's least-recently-used cache of words, whose every hit costs several microseconds once full. */
function plainCache(): WordCache {
  const words = new Map<string, string[]>()
  return {
    get: (word) => words.get(word),
    put: (word, tokens) => {
      if (words.size >= 10_000) words.clear()
      words.set(word, tokens)
    },
    clear: () => words.clear(),
  }
}

/** The library's normaliser with `Precompiled` steps replaced, which it only guesses at. */
function exact(made: Normalizer | null, step: unknown): Normalizer | null {
  if (made === null || !isJsonObject(step)) return made
  if (step.type === 'Precompiled' && typeof step.precompiled_charsmap === 'string') {
    const normalize = readCharsmap(step.precompiled_charsmap)
    return Object.assign((text: string) => normalize(text), { normalize })
  }
  const steps: unknown = step.normalizers
  if (Array.isArray(steps) && made.normalizers !== undefined) {
    made.normalizers = made.normalizers.map((inner, index) => exact(inner, steps[index]) ?? inner)
  }
  return made
}

/** Ids by special_tokens_map.json or tokenizer_config.json, else by the model and the template, else by the usual names. */
export function findSpecial(
  { json, names }: TokenizerFiles,
  { texts, template }: Built,
): Partial<Record<SpecialName, number>> {
  const idOf = (token: string | undefined): number | undefined =>
    token === undefined ? undefined : texts.token_to_id(token)
  const fixed = template.single.flatMap((part, index) => ('ids' in part ? [{ id: part.ids[0], index }] : []))
  const fallback: Record<SpecialName, number | undefined> = {
    cls: fixed.find(({ index }) => index === 0)?.id,
    sep: fixed.findLast(({ index }) => index > 0)?.id,
    mask: idOf('[MASK]') ?? idOf('<mask>'),
    pad: idOf('[PAD]') ?? idOf('<pad>'),
    unk:
      texts.model.unk_token_id ??
      idOf(typeof json.model.unk_token === 'string' ? json.model.unk_token : undefined),
  }
  const found = specialNames.map((name) => [name, idOf(names.get(name)) ?? fallback[name]] as const)
  return Object.fromEntries(found.filter(([, id]) => id !== undefined))
}

/** The same tokenizer, sharing its vocabulary, with a blank before every word where it is byte-level. */
function forWords(texts: Library, preTokenizer: unknown): Library {
  if (!hasStep(preTokenizer, 'ByteLevel')) return texts
  const step = rewritePreTokenizer(prefixed(preTokenizer))
  const prototype = Object.getPrototypeOf(texts) as object
  const copy = Object.assign(Object.create(prototype) as Library, texts)
  copy.pre_tokenizer = preTokenizerOf(step)
  return copy
}

function preTokenizerOf(pre_tokenizer: unknown): Library['pre_tokenizer'] {
  const model = { type: 'WordLevel', vocab: {} }
  const rest = { normalizer: null, post_processor: null, decoder: null, added_tokens: [] }
  const holder: Library = new HuggingFaceTokenizer({ ...rest, model, pre_tokenizer }, {})
  return holder.pre_tokenizer
}

function surfaceOf(texts: Library, json: TokenizerFiles['json']): Surface {
  const byteLevel = hasStep(json.pre_tokenizer, 'ByteLevel')
  const letters = preTokenizerOf({ type: 'ByteLevel', add_prefix_space: false, use_regex: false })
  const blank = byteLevel ? /Ġ/u : /[\s▁]/u
  const blanks = new RegExp(blank, 'gu')

  const added = new Set(json.added_tokens.map((token) => token.content))
  const { type, unk_token: unknown, continuing_subword_prefix: prefix }: JsonObject = json.model
  const see = (piece: string): string => {
    const normal = texts.normalizer === null ? piece : texts.normalizer.normalize(piece)
    return byteLevel ? letters!.pre_tokenize(normal).join('') : normal
  }
  const bare = (token: string): string => {
    if (added.has(token)) return see(token)
    const cut =
      typeof prefix === 'string' && prefix !== '' && token.length > prefix.length && token.startsWith(prefix)
    return cut ? token.slice(prefix.length) : token
  }
  return {
    see,
    show: (token) => bare(token).replace(blanks, ''),
    blank,
    isUnknown: (token) => token === unknown,
    unknownIsWord: type === 'WordPiece',
  }
}

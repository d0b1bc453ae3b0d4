import { basename } from 'node:path'
import { watchSignal } from './abort.js'
import { checkInteger, checkKeys, describe, expected } from './check.js'
import { TwofourError } from './errors.js'
import type { FileRead } from './reading.js'
import { readSentenceBertConfig } from './sentence-config.js'
import { type TokenizerClass, tokenizerClass } from './tokenizer/classes.js'
import { readTokenizerFile, type TokenizerFile } from './tokenizer/files.js'
import { Library } from './tokenizer/library.js'
import { beginningOf, isLong, reachOf } from './tokenizer/long-text.js'
import { codePointsToUtf16 } from './tokenizer/offsets.js'
import { type PackedTexts, packSequences, type Text } from './tokenizer/packed.js'
import { settle, type TokenizerSettings } from './tokenizer/settings.js'
import { invalidTokenizer, readSideFiles } from './tokenizer/side-files.js'
import { findSpecial, type SpecialName } from './tokenizer/special.js'
import { assemble, countSpecial, readTemplate, share, type Template } from './tokenizer/template.js'

export type TokenizerOptions = {
  /** The longest sequence, special tokens included. @default what the model's files say, else `modelLimit` */
  maxLength?: number
  /** The model's own limit: its positions. */
  modelLimit: number
  /** Rows of the model's word embeddings: an id beyond them is refused where a text has it. @default not checked */
  modelVocab?: number
  /** Rows of the model's token types; below 2 every type is 0. @default not checked */
  modelTypes?: number
  /** `model_type` of config.json: whose tokenizer it is where no file says so. */
  modelType?: string | undefined
  /** `tokenizer_class` of config.json; tokenizer_config.json goes before it. */
  tokenizerClass?: string | undefined
}

/** One finished sequence; both arrays are of equal length. `truncated`: some tokens of the text were cut off. */
export type Encoding = { inputIds: number[]; tokenTypeIds: number[]; truncated: boolean }

/** `firstPiece`: for each word the index in `inputIds` of the first of its tokens that was kept, -1 where it has none. */
export type WordEncoding = Encoding & { firstPiece: number[] }

/** A token's place: UTF-16 indices in the text, `begin` included, `end` not. */
export type Span = { begin: number; end: number }

/** `contextTokens`: the tokens of the context, with their index in `inputIds` and their UTF-16 place in the context. */
export type QuestionEncoding = Encoding & { contextTokens: ({ index: number } & Span)[] }

type Form = keyof Template
type Made = {
  file: TokenizerFile
  settings: TokenizerSettings
  library: Library
  lowerCase: boolean
  like: TokenizerClass
}

const keys = ['maxLength', 'modelLimit', 'modelVocab', 'modelTypes', 'modelType', 'tokenizerClass']

/**
 * Texts to token ids, as the files of the model's folder say and transformers reads them. The work is done by the
 * reference's own library off the event loop. Immutable.
 */
export class Tokenizer {
  /** The longest sequence, special tokens included, and who set it: 'option', 'model' or a file. */
  readonly limit: number
  readonly limitSource: string
  /** The end at which too long sequences lose tokens. */
  readonly truncationSide: 'left' | 'right'
  /** transformers' class whose settings are obeyed, without the ending Fast. */
  readonly className: string
  /** Whether the second text of a pair has token types of its own. */
  readonly typed: boolean
  /** Ids of the special tokens that this vocabulary has. */
  readonly special: Readonly<Partial<Record<SpecialName, number>>>
  /** The files that were read, with the keys that matter. */
  readonly reads: readonly FileRead[]
  readonly #made: Made
  readonly #options: TokenizerOptions
  readonly #template: Template
  /** See `reachOf`; undefined where whole texts have to be tokenised. */
  readonly #reach: number | undefined
  /** The same with a blank before each text, where words need it; made when it is first asked for. */
  #words: Promise<Library> | undefined

  /**
   * Reads tokenizer.json, else the vocabulary files, and what is beside them. Padding and truncation that
   * tokenizer.json asks for are ignored: batches are never padded, and `limit` truncates.
   * @throws TwofourError TOKENIZER_MISSING, TOKENIZER_INVALID, CHECKPOINT_INVALID_CONFIG, FILE_UNREADABLE,
   *   ADDON_MISSING; TypeError or RangeError for `options`
   */
  static async open(dir: string, options: TokenizerOptions): Promise<Tokenizer> {
    checkKeys('options', options, keys)
    checkInteger('modelLimit', options.modelLimit, 1)
    if (options.maxLength !== undefined) checkInteger('maxLength', options.maxLength, 1, options.modelLimit)
    if (options.modelVocab !== undefined) checkInteger('modelVocab', options.modelVocab, 1)
    if (options.modelTypes !== undefined) checkInteger('modelTypes', options.modelTypes, 0)

    const side = await readSideFiles(dir)
    const sentence = await readSentenceBertConfig(dir)
    const named = side.config.tokenizer_class ?? options.tokenizerClass
    const like = tokenizerClass(typeof named === 'string' ? named : undefined, options.modelType)
    const file = await readTokenizerFile(dir, side, like)
    const settings = settle(file.json, side, like)
    const { lowerCase } = sentence
    const library = await Library.make(file, settings, lowerCase)
    const reads = [...file.names, ...side.names].map((name) => ({
      file: name,
      keys: name === 'tokenizer_config.json' ? settings.keys : [],
    }))
    return new Tokenizer(
      { file, settings, library, lowerCase, like },
      options,
      settleLimit(options, settings, sentence),
      reads,
    )
  }

  private constructor(
    made: Made,
    options: TokenizerOptions,
    { limit, limitSource }: { limit: number; limitSource: string },
    reads: readonly FileRead[],
  ) {
    const { file, settings, library, like } = made
    this.#made = made
    this.#options = options
    this.typed = settings.typeIds && (options.modelTypes ?? 2) >= 2
    this.#template = readTemplate(file.json.post_processor)
    this.special = findSpecial(file.json, settings, this.#template, library)
    this.truncationSide = settings.truncationSide
    this.className = like.name
    this.#reach = settings.truncationSide === 'right' ? reachOf(file.json, settings.toAdd) : undefined
    this.limit = limit
    this.limitSource = limitSource
    this.reads = reads
    this.#checkTemplate()
    this.#budget('single')
  }

  /** One text, or a pair of texts, as one sequence with special tokens. @throws TypeError, RangeError, TwofourError TOKENIZER_INVALID */
  async encode(text: string, pair?: string): Promise<Encoding> {
    checkText('text', text)
    if (pair !== undefined) checkText('pair', pair)
    const [encoding] = await this.#encodeAll([pair === undefined ? text : [text, pair]])
    return encoding!
  }

  /**
   * Many texts at once, off the event loop. Tokens of a text do not depend on the others.
   * @throws what `encode` throws, for the first text that is refused; `signal.reason`
   */
  async pack(texts: readonly Text[], signal?: AbortSignal): Promise<PackedTexts> {
    const encoded = this.#encodeAll(texts).then(packSequences)
    if (signal === undefined) return encoded
    return new Promise((resolve, reject) => {
      const unwatch = watchSignal(signal, () => reject(signal.reason))
      encoded.then(resolve, reject).finally(unwatch)
    })
  }

  /**
   * Words that are split already, as one sequence. Each word is tokenised by itself, as the reference does it
   * (`is_split_into_words`); a RobertaTokenizer puts a blank before each, for the reference takes words only so.
   * @throws TypeError, TwofourError TOKENIZER_INVALID
   */
  async encodeWords(words: readonly string[]): Promise<WordEncoding> {
    if (!Array.isArray(words)) throw new TypeError(expected('words', 'an array of strings', words))
    for (const [index, word] of words.entries()) checkText(`words[${index}]`, word)
    const budget = this.#budget('single')
    // From the left, words beyond the limit need no tokens: each that has any takes one place at least.
    const all = await this.#tokenize(await this.#wordLibrary(), words)
    const pieces = all.flat()
    const cut = Math.max(0, pieces.length - budget)
    const first = this.truncationSide === 'left' ? cut : 0
    const start = assemble(this.#template.single, [], []).starts.A
    let at = -first
    const firstPiece = all.map((ids) => {
      const begin = Math.max(0, at)
      at += ids.length
      return ids.length > 0 && at > 0 && begin < budget ? start + begin : -1
    })
    return { ...this.#single(pieces), firstPiece }
  }

  /**
   * A question with the context that may answer it, as one pair, and where each token of the context stands in it.
   * @throws TypeError, RangeError, TwofourError TOKENIZER_INVALID
   */
  async encodeQuestion(question: string, context: string): Promise<QuestionEncoding> {
    checkText('question', question)
    checkText('context', context)
    this.#checkLength(context)
    const [asked] = await this.#tokenize(this.#made.library, [question])
    const told = await this.#guard(this.#made.library.pieces(context))
    this.#checkIds(told.map(({ id }) => id))
    const { kept, starts, ...encoding } = this.#pair(
      asked!,
      told.map(({ id }) => id),
    )
    const utf16 = codePointsToUtf16(context)
    const contextTokens = told
      .slice(kept.begin, kept.end)
      .map(({ begin, end }, i) => ({ index: starts.B + i, begin: utf16(begin), end: utf16(end) }))
    return { ...encoding, contextTokens }
  }

  /** The text of some ids, special tokens left out. @throws RangeError for an id that is not in the vocabulary */
  async decode(ids: readonly number[]): Promise<string> {
    for (const id of ids) this.tokenOf(id)
    return ids.length === 0 ? '' : this.#guard(this.#made.library.decode(ids))
  }

  /** @throws RangeError when no token has this id */
  tokenOf(id: number): string {
    const token = this.tokenAt(checkInteger('id', id, 0, 2 ** 32 - 1))
    if (token === undefined) throw new RangeError(expected('id', 'the id of a token in the vocabulary', id))
    return token
  }

  /** As `tokenOf`, and undefined where no token has this id: a model may have more rows than its tokenizer has tokens. */
  tokenAt(id: number): string | undefined {
    return this.#made.library.tokenOf(id)
  }

  idOf(token: string): number | undefined {
    return this.#made.library.idOf(token)
  }

  async #encodeAll(texts: readonly Text[]): Promise<Encoding[]> {
    // Of a pair both lengths decide on what is cut.
    const beginnings = await Promise.all(
      texts.map((text) => (typeof text === 'string' ? this.#beginning(text) : undefined)),
    )
    const whole = texts.filter((_, i) => beginnings[i] === undefined).flat()
    const ids = await this.#tokenize(this.#made.library, whole)
    let at = 0
    return texts.map((text, i) => {
      const first = beginnings[i] ?? ids[at++]!
      if (typeof text === 'string') return this.#single(first)
      const { inputIds, tokenTypeIds, truncated } = this.#pair(first, ids[at++]!)
      return { inputIds, tokenTypeIds, truncated }
    })
  }

  async #tokenize(library: Library, texts: readonly string[]): Promise<number[][]> {
    for (const text of texts) this.#checkLength(text)
    const all = await this.#guard(library.ids(texts))
    for (const ids of all) this.#checkIds(ids)
    return all
  }

  /** Of a text far beyond the limit no more is tokenised than decides on the tokens that are kept. */
  async #beginning(text: string): Promise<number[] | undefined> {
    if (this.#reach === undefined || !isLong(text)) return undefined
    this.#checkLength(text)
    const { library } = this.#made
    const ids = await this.#guard(beginningOf(text, this.limit, this.#reach, (part) => library.pieces(part)))
    if (ids !== undefined) this.#checkIds(ids)
    return ids
  }

  #wordLibrary(): Promise<Library> {
    const { file, settings, library, lowerCase, like } = this.#made
    const step = file.json.pre_tokenizer as { type?: unknown; add_prefix_space?: unknown } | null | undefined
    if (like.builtFrom !== 'vocab.json' || step?.type !== 'ByteLevel') return Promise.resolve(library)
    if (settings.addPrefixSpace ?? step.add_prefix_space === true) return Promise.resolve(library)
    this.#words ??= Library.make(file, { ...settings, addPrefixSpace: true }, lowerCase)
    return this.#words
  }

  #checkLength(text: string): void {
    const { longestText } = this.#made.library
    if (text.length <= longestText) return
    throw new RangeError(
      `Expected a text of at most ${longestText} characters, which this tokenizer's regular expressions surely match, got ${text.length}. Cut it.`,
    )
  }

  #checkIds(ids: readonly number[]): void {
    const { modelVocab } = this.#options
    if (modelVocab === undefined) return
    const beyond = ids.find((id) => id >= modelVocab)
    if (beyond !== undefined) throw this.#beyond(beyond)
  }

  #beyond(id: number): TwofourError {
    const { modelVocab } = this.#options
    const token = this.#made.library.tokenOf(id)
    const { file } = this.#made.file
    return new TwofourError(
      'TOKENIZER_INVALID',
      `${file}: token ${describe(token)} has the id ${id}, beyond the model's vocabulary of ${modelVocab} tokens. Leave it out of texts, or use the tokenizer that was published with this model.`,
      { file, token, id, vocab: modelVocab },
    )
  }

  /** Special tokens are in every sequence: one that the model cannot read is no tokenizer for it. */
  #checkTemplate(): void {
    const { modelVocab = Number.POSITIVE_INFINITY, modelTypes = Number.POSITIVE_INFINITY } = this.#options
    const parts = [...this.#template.single, ...this.#template.pair]
    const beyond = parts.flatMap((part) => ('ids' in part ? part.ids : [])).find((id) => id >= modelVocab)
    if (beyond !== undefined) throw this.#beyond(beyond)
    const type = Math.max(0, ...parts.map((part) => part.type))
    if (!this.typed || type < modelTypes) return
    throw invalidTokenizer(
      this.#made.file.file,
      `post_processor gives token type ${type}, and the model has ${modelTypes}`,
    )
  }

  /** How many tokens of text fit beside the special ones. */
  #budget(form: Form): number {
    const needed = countSpecial(this.#template[form])
    if (this.limit >= needed) return this.limit - needed
    const what = form === 'single' ? 'a text' : 'a pair of texts'
    const message = `Expected the limit (${this.limitSource}) to be at least the ${needed} special tokens of ${what}, got ${this.limit}.`
    if (!this.limitSource.endsWith('.json')) throw new RangeError(message)
    throw new TwofourError('CHECKPOINT_INVALID_CONFIG', message, { limit: this.limit, needed })
  }

  #single(ids: readonly number[]): Encoding {
    const { begin, end } = this.#kept(ids.length, this.#budget('single'))
    const { inputIds, tokenTypeIds } = this.#lay('single', ids.slice(begin, end), [])
    return { inputIds, tokenTypeIds, truncated: end - begin < ids.length }
  }

  /** `kept`: the tokens of the second text that were not cut off, which begin at `starts.B`. */
  #pair(first: readonly number[], second: readonly number[]) {
    const [forFirst, forSecond] = share(first.length, second.length, this.#budget('pair'))
    const a = this.#kept(first.length, forFirst)
    const kept = this.#kept(second.length, forSecond)
    const laid = this.#lay('pair', first.slice(a.begin, a.end), second.slice(kept.begin, kept.end))
    return { ...laid, kept, truncated: forFirst < first.length || forSecond < second.length }
  }

  #kept(length: number, budget: number): Span {
    const kept = Math.min(length, budget)
    return this.truncationSide === 'left' ? { begin: length - kept, end: length } : { begin: 0, end: kept }
  }

  #lay(form: Form, a: readonly number[], b: readonly number[]) {
    const laid = assemble(this.#template[form], a, b)
    if (!this.typed) laid.tokenTypeIds.fill(0)
    return laid
  }

  /** The library throws plain errors over texts that it has no tokens for. */
  async #guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (cause) {
      throw invalidTokenizer(
        this.#made.file.file,
        cause instanceof Error ? cause.message : String(cause),
        cause,
      )
    }
  }
}

/** Positions beyond the model's own limit do not exist, whatever a file asks for. */
function settleLimit(
  { maxLength, modelLimit }: TokenizerOptions,
  settings: TokenizerSettings,
  sentence: { readonly maxSeqLength?: number; readonly file?: string },
): { limit: number; limitSource: string } {
  const wishes: [string, number | undefined][] = [
    ['option', maxLength],
    [basename(sentence.file ?? ''), sentence.maxSeqLength],
    ['tokenizer_config.json', settings.maxLength],
  ]
  const [source, wished] = wishes.find(([, length]) => length !== undefined) ?? ['model', modelLimit]
  return wished! <= modelLimit
    ? { limit: wished!, limitSource: source }
    : { limit: modelLimit, limitSource: 'model' }
}

function checkText(what: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(expected(what, 'a string', value))
  return value
}

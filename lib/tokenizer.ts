import { checkInteger, checkKeys, describe, expected } from './check.js'
import { TwofourError } from './errors.js'
import { readSentenceBertConfig } from './sentence-config.js'
import { type Built, build, findSpecial } from './tokenizer/build.js'
import { invalidTokenizer } from './tokenizer/check.js'
import { readTokenizerFiles, type SpecialName, type TokenizerFiles } from './tokenizer/files.js'
import { align, type Span } from './tokenizer/offsets.js'
import { assemble, countSpecial, share } from './tokenizer/template.js'

export type TokenizerOptions = {
  /** The longest sequence, special tokens included. @default what sentence_bert_config.json says, else `modelLimit` */
  maxLength?: number
  /** The model's own limit: its positions. */
  modelLimit: number
  /** Rows of the model's word embeddings: a tokenizer with ids beyond them is refused. @default not checked */
  modelVocab?: number
}

/** One finished sequence; both arrays are of equal length. `truncated`: some tokens of the text were cut off. */
export type Encoding = { inputIds: number[]; tokenTypeIds: number[]; truncated: boolean }

/** `firstPiece`: for each word the index in `inputIds` of its first token, -1 where it was cut off or has none. */
export type WordEncoding = Encoding & { firstPiece: number[] }

/** `contextTokens`: the tokens of the context, with their index in `inputIds` and their UTF-16 place in the context. */
export type QuestionEncoding = Encoding & { contextTokens: ({ index: number } & Span)[] }

/** Texts to token ids, as the model's own tokenizer.json or vocab.txt says. Immutable. */
export class Tokenizer {
  /** The longest sequence, special tokens included, and who set it. */
  readonly limit: number
  readonly limitSource: 'option' | 'sentence_bert_config.json' | 'model'
  /** Ids of the special tokens that this vocabulary has. */
  readonly special: Readonly<Partial<Record<SpecialName, number>>>
  readonly #built: Built
  readonly #file: string

  /**
   * Reads tokenizer.json, else vocab.txt, of a model's directory. Padding and truncation that the file asks for are
   * ignored: batches are never padded, and `limit` truncates.
   * @throws TwofourError TOKENIZER_MISSING, TOKENIZER_INVALID, CHECKPOINT_INVALID_CONFIG, FILE_UNREADABLE;
   *   TypeError or RangeError for `options`
   */
  static async open(dir: string, options: TokenizerOptions): Promise<Tokenizer> {
    checkKeys('options', options, ['maxLength', 'modelLimit', 'modelVocab'])
    checkInteger('modelLimit', options.modelLimit, 1)
    if (options.maxLength !== undefined) checkInteger('maxLength', options.maxLength, 1, options.modelLimit)
    if (options.modelVocab !== undefined) checkInteger('modelVocab', options.modelVocab, 1)

    const { maxSeqLength, lowerCase } = await readSentenceBertConfig(dir)
    const files = await readTokenizerFiles(dir, options.modelVocab)

    const wished = options.maxLength ?? maxSeqLength ?? options.modelLimit
    const source =
      options.maxLength !== undefined
        ? 'option'
        : wished === maxSeqLength
          ? 'sentence_bert_config.json'
          : 'model'
    // Positions beyond the model's own limit do not exist, whatever a file asks for.
    const limit = Math.min(wished, options.modelLimit)
    return new Tokenizer(files, lowerCase, limit, limit < wished ? 'model' : source)
  }

  private constructor(
    files: TokenizerFiles,
    lowerCase: boolean,
    limit: number,
    limitSource: Tokenizer['limitSource'],
  ) {
    this.#file = files.file
    this.#built = this.#guard(() => build(files, lowerCase))
    this.special = findSpecial(files, this.#built)
    this.limit = limit
    this.limitSource = limitSource
    this.#budget('single')
  }

  /** One text, or a pair of texts, as one sequence with special tokens. @throws TypeError, RangeError, TwofourError TOKENIZER_INVALID */
  encode(text: string, pair?: string): Encoding {
    const first = this.#tokenize(checkText('text', text))
    if (pair === undefined) return this.#single(first.ids)
    const second = this.#tokenize(checkText('pair', pair))
    const { inputIds, tokenTypeIds, truncated } = this.#pair(first.ids, second.ids)
    return { inputIds, tokenTypeIds, truncated }
  }

  /**
   * Words that are split already, as one sequence. Each word is tokenised by itself and as if a blank stood before
   * it, as the reference does it (`is_split_into_words`, RoBERTa's with `add_prefix_space`).
   * @throws TypeError, TwofourError TOKENIZER_INVALID
   */
  encodeWords(words: readonly string[]): WordEncoding {
    if (!Array.isArray(words)) throw new TypeError(expected('words', 'an array of strings', words))
    const budget = this.#budget('single')
    const pieces: number[] = []
    const begins: number[] = []
    for (const [index, word] of words.entries()) {
      checkText(`words[${index}]`, word)
      begins.push(-1)
      if (pieces.length > budget) continue
      const { ids } = this.#tokenize(word, 'words')
      if (ids.length > 0 && pieces.length < budget) begins[index] = pieces.length
      for (const id of ids) pieces.push(id)
    }
    const start = assemble(this.#built.template.single, [], []).starts.A
    return { ...this.#single(pieces), firstPiece: begins.map((begin) => (begin < 0 ? -1 : start + begin)) }
  }

  /**
   * A question with the context that may answer it, as one pair, and where each token of the context stands in it.
   * @throws TypeError, RangeError, TwofourError TOKENIZER_INVALID
   */
  encodeQuestion(question: string, context: string): QuestionEncoding {
    const asked = this.#tokenize(checkText('question', question))
    const told = this.#tokenize(checkText('context', context))
    const { inputIds, tokenTypeIds, truncated, start, kept } = this.#pair(asked.ids, told.ids)
    const spans = this.#guard(() =>
      align(told.tokens.slice(0, kept), wellFormed(context), this.#built.surface),
    )
    return {
      inputIds,
      tokenTypeIds,
      truncated,
      contextTokens: spans.map((span, index) => ({ index: start + index, ...span })),
    }
  }

  /** The text of some ids, special tokens left out. @throws RangeError for an id that is not in the vocabulary */
  decode(ids: readonly number[]): string {
    for (const id of ids) this.tokenOf(id)
    if (ids.length === 0) return ''
    return this.#guard(() =>
      this.#built.texts.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    )
  }

  /** @throws RangeError when no token has this id */
  tokenOf(id: number): string {
    const token = this.#built.texts.id_to_token(checkInteger('id', id))
    if (token === undefined) throw new RangeError(expected('id', 'the id of a token in the vocabulary', id))
    return token
  }

  idOf(token: string): number | undefined {
    return this.#built.texts.token_to_id(token)
  }

  #tokenize(text: string, how: 'texts' | 'words' = 'texts'): { ids: number[]; tokens: string[] } {
    const library = this.#built[how]
    const { ids, tokens } = this.#guard(() => library.encode(wellFormed(text), { add_special_tokens: false }))
    // Without an unknown token the library leaves holes.
    const hole = (ids as (number | undefined)[]).indexOf(undefined)
    if (hole < 0) return { ids, tokens }
    const token = describe(tokens[hole])
    throw invalidTokenizer(this.#file, `the vocabulary has neither ${token} nor a token for unknown text`)
  }

  /** How many tokens of text fit beside the special ones. */
  #budget(form: 'single' | 'pair'): number {
    const needed = countSpecial(this.#built.template[form])
    if (this.limit >= needed) return this.limit - needed
    const what = form === 'single' ? 'a text' : 'a pair of texts'
    const message = `Expected the limit (${this.limitSource}) to be at least the ${needed} special tokens of ${what}, got ${this.limit}.`
    if (this.limitSource !== 'sentence_bert_config.json') throw new RangeError(message)
    throw new TwofourError('CHECKPOINT_INVALID_CONFIG', message, { limit: this.limit, needed })
  }

  #single(ids: readonly number[]): Encoding {
    const budget = this.#budget('single')
    const { inputIds, tokenTypeIds } = assemble(this.#built.template.single, ids.slice(0, budget), [])
    return { inputIds, tokenTypeIds, truncated: ids.length > budget }
  }

  #pair(first: readonly number[], second: readonly number[]): Encoding & { start: number; kept: number } {
    const [a, b] = share(first.length, second.length, this.#budget('pair'))
    const { starts, ...laid } = assemble(this.#built.template.pair, first.slice(0, a), second.slice(0, b))
    return { ...laid, truncated: a + b < first.length + second.length, start: starts.B, kept: b }
  }

  /** The library throws plain errors over files that it cannot follow. */
  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      if (cause instanceof TwofourError) throw cause
      throw invalidTokenizer(this.#file, cause instanceof Error ? cause.message : String(cause), cause)
    }
  }
}

function checkText(what: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(expected(what, 'a string', value))
  return value
}

/** Half of a surrogate pair is no character: the replacement character stands for it, at the same place. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}

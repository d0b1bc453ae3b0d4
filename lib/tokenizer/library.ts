import type * as Tokenizers from 'tokenizers'
import { TwofourError } from '../errors.js'
import { isJsonObject, type JsonObject } from '../json-file.js'
import type { TokenizerFile } from './files.js'
import { checkRegexes, checkSafe } from './safety.js'
import type { TokenizerSettings } from './settings.js'
import { invalidTokenizer } from './side-files.js'

/** A token with its place in the text: code points, `begin` included, `end` not. */
export type Piece = { readonly id: number; readonly begin: number; readonly end: number }

/** The reference's own library, by its Node binding: texts to tokens without the special ones around them. */
export class Library {
  /** Characters of a text, at most. */
  readonly longestText: number
  readonly #tokenizer: Tokenizers.Tokenizer

  private constructor(tokenizer: Tokenizers.Tokenizer, longestText: number) {
    this.#tokenizer = tokenizer
    this.longestText = longestText
  }

  /**
   * @throws TwofourError TOKENIZER_INVALID, ADDON_MISSING where the package has no binary for this platform
   */
  static async make(
    source: TokenizerFile,
    settings: TokenizerSettings,
    lowerCase: boolean,
  ): Promise<Library> {
    const tokenizers = await load()
    checkSafe(source.json, source.file)
    const tokenizer = build(tokenizers, source, settings, lowerCase)
    return new Library(tokenizer, await checkRegexes(source.json, source.file))
  }

  /** Ids alone, for each text; off the event loop. @throws Error where a text has no tokens in the vocabulary */
  async ids(texts: readonly string[]): Promise<number[][]> {
    return (await this.#encode(texts)).map((encoding) => encoding.getIds())
  }

  /** Tokens with their places, for one text. */
  async pieces(text: string): Promise<Piece[]> {
    const [encoding] = await this.#encode([text])
    const offsets = encoding!.getOffsets()
    return encoding!.getIds().map((id, i) => ({ id, begin: offsets[i]![0]!, end: offsets[i]![1]! }))
  }

  async decode(ids: readonly number[]): Promise<string> {
    return this.#tokenizer.decode([...ids], true)
  }

  tokenOf(id: number): string | undefined {
    return this.#tokenizer.idToToken(id) ?? undefined
  }

  idOf(token: string): number | undefined {
    return this.#tokenizer.tokenToId(token) ?? undefined
  }

  async #encode(texts: readonly string[]): Promise<Tokenizers.Encoding[]> {
    const options = { addSpecialTokens: false }
    // One text needs no threads of the library's own.
    if (texts.length === 1) return [await this.#tokenizer.encode(texts[0]!, null, options)]
    return texts.length === 0 ? [] : this.#tokenizer.encodeBatch([...texts], options)
  }
}

async function load(): Promise<typeof Tokenizers> {
  try {
    return await import('tokenizers')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new TwofourError(
      'ADDON_MISSING',
      `The package \`tokenizers\`, which turns texts into tokens, does not load here: ${why}. Install it anew with \`npm install\`; token ids can be run without it.`,
      { package: 'tokenizers' },
      { cause },
    )
  }
}

function build(
  tokenizers: typeof Tokenizers,
  { text, json, file }: TokenizerFile,
  settings: TokenizerSettings,
  lowerCase: boolean,
): Tokenizers.Tokenizer {
  try {
    const tokenizer = tokenizers.Tokenizer.fromString(
      settings.splitSpecialTokens ? JSON.stringify(withoutSpecialTokens(json)) : text,
    )
    tokenizer.disableTruncation()
    tokenizer.disablePadding()
    change(tokenizers, tokenizer, json, settings)
    if (lowerCase) lowerCaseFirst(tokenizers, tokenizer, json.normalizer)
    return tokenizer
  } catch (cause) {
    throw invalidTokenizer(file, cause instanceof Error ? cause.message : String(cause), cause)
  }
}

/** Special tokens that no text is searched for; where they stand in the vocabulary they keep their ids there. */
function withoutSpecialTokens(json: JsonObject): JsonObject {
  const tokens = Array.isArray(json.added_tokens) ? json.added_tokens : []
  return {
    ...json,
    added_tokens: tokens.filter((token: unknown) => !isJsonObject(token) || token.special !== true),
  }
}

function change(
  { AddedToken, ...tokenizers }: typeof Tokenizers,
  tokenizer: Tokenizers.Tokenizer,
  json: JsonObject,
  settings: TokenizerSettings,
): void {
  const { bertNormalizer: bert, addPrefixSpace, offsets, splitSpecialTokens } = settings
  const added = splitSpecialTokens ? settings.toAdd.filter(({ special }) => !special) : settings.toAdd
  if (added.length > 0) {
    tokenizer.addAddedTokens(
      added.map(
        ({ content, special, normalized, lstrip, rstrip, singleWord }) =>
          new AddedToken(content, special, { normalized, leftStrip: lstrip, rightStrip: rstrip, singleWord }),
      ),
    )
  }
  if (bert !== undefined) {
    const flags = {
      cleanText: bert.clean_text,
      handleChineseChars: bert.handle_chinese_chars,
      lowercase: bert.lowercase,
      // Undecided is what lower-casing decides.
      stripAccents: bert.strip_accents ?? bert.lowercase,
    }
    tokenizer.setNormalizer(tokenizers.bertNormalizer(flags))
  }
  const pre = json.pre_tokenizer
  if (addPrefixSpace !== undefined && isJsonObject(pre)) {
    tokenizer.setPreTokenizer(tokenizers.byteLevelPreTokenizer(addPrefixSpace, pre.use_regex !== false))
  }
  const post = json.post_processor
  if (offsets !== undefined && isJsonObject(post)) {
    const { sep, cls } = post as { sep: [string, number]; cls: [string, number] }
    const { trim_offsets: trim, add_prefix_space: prefix } = offsets
    tokenizer.setPostProcessor(tokenizers.robertaProcessing(sep, cls, trim, prefix))
  }
}

/** As sentence-transformers does for `do_lower_case`: unless a step lower-cases already. */
function lowerCaseFirst(
  { lowercase, sequenceNormalizer }: typeof Tokenizers,
  tokenizer: Tokenizers.Tokenizer,
  step: unknown,
): void {
  const steps: unknown[] = isJsonObject(step) && Array.isArray(step.normalizers) ? step.normalizers : [step]
  if (steps.some((each) => isJsonObject(each) && each.type === 'Lowercase')) return
  const own = tokenizer.getNormalizer()
  tokenizer.setNormalizer(sequenceNormalizer([lowercase(), ...(own === null ? [] : [own])]))
}

import { describe } from '../check.js'
import { isJsonObject, type JsonObject } from '../json-file.js'
import type { KeyRead } from '../reading.js'
import { settleTokens, type TokenSettings } from './added-tokens.js'
import { pythonClasses, type TokenizerClass } from './classes.js'
import { invalidTokenizer, type SideFiles } from './side-files.js'

export type Side = 'left' | 'right'

/** What other files change of a tokenizer.json, and how finished sequences are cut. */
export type TokenizerSettings = TokenSettings & {
  /** In place of a BertNormalizer with other flags. */
  readonly bertNormalizer: BertFlags | undefined
  /** In place of a ByteLevel pre-tokenizer's own value. */
  readonly addPrefixSpace: boolean | undefined
  /** In place of RobertaProcessing's own flags. */
  readonly offsets: OffsetFlags | undefined
  /** Special tokens that stand in a text are text. */
  readonly splitSpecialTokens: boolean
  /** `model_max_length`: tokens of a sequence, special ones included. */
  readonly maxLength: number | undefined
  /** The end at which too many tokens are cut off. */
  readonly truncationSide: Side
  /** Whether token types are told to the model at all. */
  readonly typeIds: boolean
  /** Keys of tokenizer_config.json that were obeyed. */
  readonly keys: readonly KeyRead[]
}

/** Whether a token's place leaves out the blanks around it, and whether the first blank was not in the text. */
export type OffsetFlags = { readonly trim_offsets: boolean; readonly add_prefix_space: boolean }

export type BertFlags = {
  readonly clean_text: boolean
  readonly handle_chinese_chars: boolean
  readonly strip_accents: boolean | null
  readonly lowercase: boolean
}

const configFile = 'tokenizer_config.json'

/**
 * Brings a tokenizer.json and the files beside it together, as transformers' class `like` does (4.57 and 5.24; where
 * the two differ, tokenizer.json is kept: docs/files.md).
 * @throws TwofourError TOKENIZER_INVALID
 */
export function settle(json: JsonObject, side: SideFiles, like: TokenizerClass): TokenizerSettings {
  if (pythonClasses.includes(like.name)) throw unknownClass(like.name)
  const config = new ConfigReader(side.config)
  const tokens = settleTokens(json, side, like)
  const bertNormalizer = settleBert(json, config, like)
  const addPrefixSpace = settlePrefix(json, config, like)
  const offsets = settleOffsets(json, config, like)
  const maxLength = readLength(config)
  const truncationSide = readSide(json, config)
  config.oneOf('padding_side', ['left', 'right'])
  const splitSpecialTokens =
    config.flag('split_special_tokens', (value) => (value ? 'special tokens in a text are text' : null)) ??
    false
  const typeIds = readTypeIds(config, like)
  if (tokens.toAdd.length > 0)
    config.note(
      'added_tokens_decoder',
      `tokens are added: ${tokens.toAdd.map(({ content }) => content).join(' ')}`,
    )
  return {
    ...tokens,
    ...{ bertNormalizer, addPrefixSpace, offsets, splitSpecialTokens },
    ...{ maxLength, truncationSide, typeIds },
    keys: config.keys,
  }
}

function unknownClass(name: string) {
  return invalidTokenizer(
    configFile,
    `\`tokenizer_class\` is ${name}, which transformers has in Python alone and no tokenizer.json describes. Tokenise with ` +
      'transformers and give token ids to `run`',
  )
}

/** BertNormalizer's flags come from tokenizer_config.json, or are the class's own, whatever tokenizer.json says. */
function settleBert(json: JsonObject, config: ConfigReader, like: TokenizerClass): BertFlags | undefined {
  // transformers 5 makes one where the file has none, and 4 fails.
  const own = json.normalizer ?? { type: 'BertNormalizer' }
  if (like.builtFrom !== 'vocab.txt' || !isJsonObject(own) || own.type !== 'BertNormalizer') return undefined
  const usual = like.name === 'MPNetTokenizer' ? own.handle_chinese_chars !== false : true
  const flags: BertFlags = {
    clean_text: own.clean_text !== false,
    handle_chinese_chars:
      config.flag('tokenize_chinese_chars', (value) =>
        value ? 'ideographs are words' : 'ideographs are no words',
      ) ?? usual,
    strip_accents:
      config.flag('strip_accents', (value) => (value ? 'accents are removed' : 'accents are kept')) ?? null,
    lowercase:
      config.flag('do_lower_case', (value) =>
        value ? 'texts are lower-cased' : 'texts are not lower-cased',
      ) ?? true,
  }
  const changed =
    flags.handle_chinese_chars !== own.handle_chinese_chars ||
    flags.strip_accents !== (own.strip_accents ?? null) ||
    flags.lowercase !== own.lowercase
  return changed ? flags : undefined
}

function settlePrefix(json: JsonObject, config: ConfigReader, like: TokenizerClass): boolean | undefined {
  const step = json.pre_tokenizer
  if (!isJsonObject(step) || step.type !== 'ByteLevel') return undefined
  const asked = config.flag('add_prefix_space', (value) =>
    value ? 'a blank is put before each text' : 'no blank is put before a text',
  )
  const wanted = asked ?? (like.fileOnly ? undefined : false)
  return wanted === step.add_prefix_space ? undefined : wanted
}

function settleOffsets(
  json: JsonObject,
  config: ConfigReader,
  like: TokenizerClass,
): OffsetFlags | undefined {
  const step = json.post_processor
  if (like.builtFrom !== 'vocab.json' || !isJsonObject(step) || step.type !== 'RobertaProcessing')
    return undefined
  const trim = config.flag('trim_offsets', (value) =>
    value ? 'offsets leave out blanks' : 'offsets take blanks in',
  )
  return {
    trim_offsets: trim ?? true,
    add_prefix_space: config.flag('add_prefix_space', () => null) ?? false,
  }
}

/** Whole numbers up to what int32 holds; more is no limit, as the 1e30 that transformers writes for none. */
function readLength(config: ConfigReader): number | undefined {
  const key = config.has('model_max_length') ? 'model_max_length' : 'max_len'
  const value = config.get(key)
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || value < 1) throw config.refusal(key, 'a number from 1', value)
  if (value > 2 ** 31 - 1) return undefined
  const length = Math.floor(value)
  config.note(key, `a limit of ${length} tokens`)
  return length
}

function readSide(json: JsonObject, config: ConfigReader): Side {
  const asked = config.oneOf('truncation_side', ['left', 'right'])
  if (asked !== undefined) {
    config.note('truncation_side', `long texts lose tokens at the ${asked}`)
    return asked
  }
  const own = isJsonObject(json.truncation) ? json.truncation.direction : undefined
  return own === 'Left' ? 'left' : 'right'
}

function readTypeIds(config: ConfigReader, like: TokenizerClass): boolean {
  const names = config.get('model_input_names')
  if (names === undefined) return like.typeIds
  if (!Array.isArray(names)) throw config.refusal('model_input_names', 'a list of names', names)
  const typed = names.includes('token_type_ids')
  config.note('model_input_names', typed ? 'token types are used' : 'no token types')
  return typed
}

/** tokenizer_config.json, which notes what it was asked for and had. */
class ConfigReader {
  readonly keys: KeyRead[] = []
  readonly #fields: JsonObject

  constructor(fields: JsonObject) {
    this.#fields = fields
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#fields, key)
  }

  get(key: string): unknown {
    return this.has(key) ? this.#fields[key] : undefined
  }

  note(key: string, effect: string): void {
    this.keys.push({ key, value: this.get(key), effect })
  }

  /** null counts as absent. `effect` says what a value does, or null where that is nothing. */
  flag(key: string, effect: (value: boolean) => string | null): boolean | undefined {
    const value = this.get(key) ?? undefined
    if (value === undefined) return undefined
    if (typeof value !== 'boolean') throw this.refusal(key, 'true or false', value)
    const said = effect(value)
    if (said !== null) this.note(key, said)
    return value
  }

  oneOf<T extends string>(key: string, words: readonly T[]): T | undefined {
    const value = this.get(key) ?? undefined
    if (value === undefined) return undefined
    const word = words.find((each) => each === value)
    if (word === undefined) throw this.refusal(key, words.join(' or '), value)
    return word
  }

  refusal(key: string, wanted: string, got: unknown) {
    return invalidTokenizer(configFile, `expected \`${key}\` to be ${wanted}, got ${describe(got)}`)
  }
}

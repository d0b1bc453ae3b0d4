import { join } from 'node:path'
import { describe } from '../check.js'
import { TwofourError } from '../errors.js'
import { isJsonObject, type JsonObject, readJsonFile, readJsonObject, readTextFile } from '../json-file.js'
import { checkTokenizerJson, invalidTokenizer, type TokenizerJson } from './check.js'

export const specialNames = ['cls', 'sep', 'mask', 'pad', 'unk'] as const
export type SpecialName = (typeof specialNames)[number]

/** What a model's directory says about its tokens, checked as far as the library would stumble over it. */
export type TokenizerFiles = {
  /** The tokenizer.json, read or made from vocab.txt. */
  json: TokenizerJson
  /** The file it came from, for messages. */
  file: string
  /** Names of special tokens by special_tokens_map.json and tokenizer_config.json. */
  names: ReadonlyMap<SpecialName, string>
}

/**
 * @param modelVocab rows of the model's word embeddings: a token with an id beyond them is refused
 * @throws TwofourError TOKENIZER_MISSING, TOKENIZER_INVALID, FILE_UNREADABLE
 */
export async function readTokenizerFiles(dir: string, modelVocab?: number): Promise<TokenizerFiles> {
  const config = (await readJsonObject(join(dir, 'tokenizer_config.json'), 'TOKENIZER_INVALID')) ?? {}
  const map = (await readJsonObject(join(dir, 'special_tokens_map.json'), 'TOKENIZER_INVALID')) ?? {}
  const names = readNames([map, config])

  const file = join(dir, 'tokenizer.json')
  const json = await readJsonFile(file, 'TOKENIZER_INVALID')
  if (json !== undefined) return { json: checkTokenizerJson(json, file, modelVocab), file, names }

  const vocabFile = join(dir, 'vocab.txt')
  const vocab = await readTextFile(vocabFile, 'TOKENIZER_INVALID')
  if (vocab === undefined) throw missing(dir)
  const made = fromVocab(vocab, vocabFile, config, names)
  return { json: checkTokenizerJson(made, vocabFile, modelVocab), file: vocabFile, names }
}

function missing(dir: string): TwofourError {
  return new TwofourError(
    'TOKENIZER_MISSING',
    `Expected ${dir} to hold tokenizer.json or vocab.txt, got neither. Copy the one that was published with the model, or write ` +
      `one with transformers: AutoTokenizer.from_pretrained(NAME).save_pretrained(${describe(dir)}).`,
    { dir, files: ['tokenizer.json', 'vocab.txt'] },
  )
}

/** A special token's name is a string, or an object with its `content`; RoBERTa's `bos` and `eos` stand for cls and sep. */
function readNames(sources: readonly JsonObject[]): Map<SpecialName, string> {
  const keys = {
    cls: ['cls_token', 'bos_token'],
    sep: ['sep_token', 'eos_token'],
    mask: ['mask_token'],
    pad: ['pad_token'],
    unk: ['unk_token'],
  }
  const names = new Map<SpecialName, string>()
  for (const name of specialNames) {
    const values = keys[name].flatMap((key) => sources.map((source) => source[key]))
    const texts = values.map((value) => (isJsonObject(value) ? value.content : value))
    const text = texts.find((value) => typeof value === 'string')
    if (text !== undefined) names.set(name, text)
  }
  return names
}

/** The tokenizer.json that says what BertTokenizer does with this vocab.txt and tokenizer_config.json. */
function fromVocab(
  text: string,
  file: string,
  config: JsonObject,
  names: ReadonlyMap<SpecialName, string>,
): JsonObject {
  const lines = text.split(/\r\n|\r|\n/)
  if (lines.at(-1) === '') lines.pop()
  // As in the reference, the later of two equal lines gives the id.
  const vocab = new Map(lines.map((token, id) => [token, id]))

  const usual = { cls: '[CLS]', sep: '[SEP]', mask: '[MASK]', pad: '[PAD]', unk: '[UNK]' }
  const name = (key: SpecialName): string => names.get(key) ?? usual[key]
  for (const key of ['unk', 'cls', 'sep'] as const) {
    if (!vocab.has(name(key)))
      throw invalidTokenizer(file, `no line holds the special token ${describe(name(key))}`)
  }
  const more = Array.isArray(config.additional_special_tokens) ? config.additional_special_tokens : []
  const special = [...specialNames.map(name), ...more].filter((token) => vocab.has(token))
  const flag = (value: unknown, usually: boolean): boolean => (typeof value === 'boolean' ? value : usually)
  return {
    added_tokens: [...new Set(special)].map((content) => ({
      id: vocab.get(content),
      content,
      special: true,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: flag(config.tokenize_chinese_chars, true),
      strip_accents: typeof config.strip_accents === 'boolean' ? config.strip_accents : null,
      lowercase: flag(config.do_lower_case, true),
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'BertProcessing',
      cls: [name('cls'), vocab.get(name('cls'))],
      sep: [name('sep'), vocab.get(name('sep'))],
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: name('unk'),
      continuing_subword_prefix: '##',
      vocab: Object.fromEntries(vocab),
    },
  }
}

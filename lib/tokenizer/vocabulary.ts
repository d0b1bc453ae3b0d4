import { join } from 'node:path'
import { isJsonObject, type JsonObject, parseJson, readTextFile } from '../json-file.js'
import { type SpecialKey, specialToken, type TokenizerClass } from './classes.js'
import { invalidTokenizer, type SideFiles } from './side-files.js'

/** A tokenizer.json made from the vocabulary files `names`. */
export type MadeTokenizer = { readonly json: JsonObject; readonly names: readonly string[] }

/**
 * The tokenizer.json that says what BertTokenizer or MPNetTokenizer does with a vocab.txt: WordPiece over lower-cased
 * words. undefined without a vocab.txt.
 * @throws TwofourError TOKENIZER_INVALID
 */
export async function readWordPieceVocabulary(
  dir: string,
  side: SideFiles,
  like: TokenizerClass,
): Promise<MadeTokenizer | undefined> {
  const file = join(dir, 'vocab.txt')
  const text = await readTextFile(file, 'TOKENIZER_INVALID')
  if (text === undefined) return undefined

  const lines = text.split(/\r\n|\r|\n/)
  if (lines.at(-1) === '') lines.pop()
  // As in the reference, the later of two equal lines gives the id.
  const vocab = new Map(lines.map((token, id) => [token, id]))
  const token = namer(side, like)
  const idOf = (key: SpecialKey): number => {
    const id = vocab.get(token(key))
    if (id !== undefined) return id
    throw invalidTokenizer(file, `no line holds the special token ${JSON.stringify(token(key))}`)
  }
  idOf('unk_token')
  const separators = like.name === 'MPNetTokenizer' ? 2 : 1
  const json = {
    ...frame(vocab, side, like),
    normalizer: {
      ...{ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true },
      ...{ strip_accents: null, lowercase: true },
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: template(
      [token('cls_token'), idOf('cls_token')],
      [token('sep_token'), idOf('sep_token')],
      separators,
    ),
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: token('unk_token'),
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocab),
    },
  }
  return { json, names: ['vocab.txt'] }
}

/**
 * The tokenizer.json that says what RobertaTokenizer does with vocab.json and merges.txt: byte-level BPE. undefined
 * where one of the two is absent.
 * @throws TwofourError TOKENIZER_INVALID
 */
export async function readByteLevelVocabulary(
  dir: string,
  side: SideFiles,
  like: TokenizerClass,
): Promise<MadeTokenizer | undefined> {
  const file = join(dir, 'vocab.json')
  const [words, text] = await Promise.all(
    ['vocab.json', 'merges.txt'].map((name) => readTextFile(join(dir, name), 'TOKENIZER_INVALID')),
  )
  if (words === undefined || text === undefined) return undefined
  const vocab = parseJson(words, file, 'TOKENIZER_INVALID')
  if (!isJsonObject(vocab)) throw invalidTokenizer(file, 'expected an object of tokens and ids')

  const token = namer(side, like)
  const idOf = (key: SpecialKey): [string, unknown] => {
    const name = token(key)
    if (Object.hasOwn(vocab, name)) return [name, vocab[name]]
    throw invalidTokenizer(file, `it lacks the special token ${JSON.stringify(name)}`)
  }
  const merges = text.split(/\r\n|\r|\n/).filter((line) => line !== '' && !line.startsWith('#version'))
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  const json = {
    ...frame(new Map(Object.entries(vocab)), side, like),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: {
      ...{ type: 'RobertaProcessing', sep: idOf('sep_token'), cls: idOf('cls_token') },
      ...{ trim_offsets: true, add_prefix_space: false },
    },
    decoder: byteLevel,
    model: {
      ...{ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: '' },
      ...{ end_of_word_suffix: '', fuse_unk: false, byte_fallback: false, ignore_merges: false },
      ...{ vocab, merges },
    },
  }
  return { json, names: ['vocab.json', 'merges.txt'] }
}

function frame(vocab: ReadonlyMap<string, unknown>, side: SideFiles, like: TokenizerClass): JsonObject {
  const token = namer(side, like)
  const tokens = Object.entries(like.special).map(([key, usual]) => ({
    ...usual,
    content: token(key as SpecialKey),
  }))
  const unique = new Map(tokens.map((each) => [each.content, each]))
  return {
    ...{ version: '1.0', truncation: null, padding: null },
    added_tokens: [...unique.values()]
      .filter(({ content }) => vocab.has(content))
      .map(({ content, singleWord, ...flags }) => ({
        ...{ id: vocab.get(content), content, single_word: singleWord },
        ...flags,
      })),
  }
}

/** Names of special tokens: the files', else the class's own. */
function namer({ config, map }: SideFiles, like: TokenizerClass): (key: SpecialKey) => string {
  return (key) => {
    const value = Object.hasOwn(map, key) && !('added_tokens_decoder' in config) ? map[key] : config[key]
    const text = isJsonObject(value) ? value.content : value
    return typeof text === 'string' ? text : (like.special[key] ?? specialToken('')).content
  }
}

/** `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, the second text of type 1, with so many separators between the two. */
function template(cls: [string, number], sep: [string, number], separators: number): JsonObject {
  const special = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } })
  const single = [special(cls[0], 0), { Sequence: { id: 'A', type_id: 0 } }, special(sep[0], 0)]
  const between = Array.from({ length: separators - 1 }, () => special(sep[0], 0))
  return {
    type: 'TemplateProcessing',
    single,
    pair: [...single, ...between, { Sequence: { id: 'B', type_id: 1 } }, special(sep[0], 1)],
    special_tokens: Object.fromEntries(
      [cls, sep].map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }]),
    ),
  }
}

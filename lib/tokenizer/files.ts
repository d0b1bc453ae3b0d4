import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe } from '../check.js'
import { TwofourError } from '../errors.js'
import { isJsonObject, type JsonObject, parseJson, readTextFile } from '../json-file.js'
import type { TokenizerClass } from './classes.js'
import { invalidTokenizer, type SideFiles } from './side-files.js'
import { readByteLevelVocabulary, readWordPieceVocabulary } from './vocabulary.js'

/** tokenizer.json, read or made from a vocabulary: as text, and as parsed. */
export type TokenizerFile = {
  readonly text: string
  readonly json: JsonObject
  /** The path of what it came from, for messages. */
  readonly file: string
  /** The files that were read for it. */
  readonly names: readonly string[]
}

const invalid = 'TOKENIZER_INVALID'

/**
 * tokenizer.json; else what it would be, made from the vocabulary files that a tokenizer of class `like` has.
 * @throws TwofourError TOKENIZER_MISSING, TOKENIZER_INVALID, FILE_UNREADABLE
 */
export async function readTokenizerFile(
  dir: string,
  side: SideFiles,
  like: TokenizerClass,
): Promise<TokenizerFile> {
  const file = join(dir, 'tokenizer.json')
  // The reference takes no byte order mark here.
  const text = await readTextFile(file, invalid, 'keep')
  if (text !== undefined) {
    const json = parseJson(text, file, invalid)
    if (!isJsonObject(json)) throw invalidTokenizer(file, `expected a JSON object, got ${describe(json)}`)
    return { text, json, file, names: ['tokenizer.json'] }
  }
  const made = await makeFromVocabulary(dir, side, like)
  if (made === undefined) throw await missing(dir, like)
  return { text: JSON.stringify(made.json), file: join(dir, made.names[0]!), ...made }
}

async function makeFromVocabulary(dir: string, side: SideFiles, like: TokenizerClass) {
  switch (like.builtFrom) {
    case 'vocab.txt':
      return readWordPieceVocabulary(dir, side, like)
    case 'vocab.json':
      return readByteLevelVocabulary(dir, side, like)
    case null:
      return undefined
  }
}

const vocabularies = {
  'vocab.txt': 'vocab.txt',
  'vocab.json': 'vocab.json with merges.txt',
}

/** Other files that a tokenizer may be published as. */
const others = [
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'sentencepiece.bpe.model',
  'spiece.model',
  'spm.model',
  'tokenizer.model',
]

async function missing(dir: string, like: TokenizerClass): Promise<TwofourError> {
  const found: string[] = []
  for (const name of others) {
    const there = await stat(join(dir, name)).then(
      (stats) => stats.isFile(),
      () => false,
    )
    if (there) found.push(name)
  }
  const wanted =
    like.builtFrom === null ? 'tokenizer.json' : `tokenizer.json or ${vocabularies[like.builtFrom]}`
  return new TwofourError(
    'TOKENIZER_MISSING',
    `Expected ${dir} to hold ${wanted} for a ${like.name}, got ${found.length === 0 ? 'none of them' : `only ${found.join(' and ')}`}. ` +
      `Copy the tokenizer.json that was published with the model, or write one with transformers: ` +
      `AutoTokenizer.from_pretrained(NAME).save_pretrained(${describe(dir)}).`,
    { dir, tokenizerClass: like.name, found },
  )
}

import { join } from 'node:path'
import { TwofourError } from '../errors.js'
import { type JsonObject, readJsonObject } from '../json-file.js'

/** The files that refine a vocabulary. Those that are absent are empty objects; `names` are those that were read. */
export type SideFiles = {
  /** tokenizer_config.json */
  readonly config: JsonObject
  /** special_tokens_map.json */
  readonly map: JsonObject
  /** added_tokens.json: content → id */
  readonly added: JsonObject
  readonly names: readonly string[]
}

/** @throws TwofourError TOKENIZER_INVALID, FILE_UNREADABLE */
export async function readSideFiles(dir: string): Promise<SideFiles> {
  const files = ['tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json']
  const read = await Promise.all(files.map((name) => readJsonObject(join(dir, name), 'TOKENIZER_INVALID')))
  const [config = {}, map = {}, added = {}] = read
  return { config, map, added, names: files.filter((_, index) => read[index] !== undefined) }
}

export function invalidTokenizer(file: string, why: string, cause?: unknown): TwofourError {
  return new TwofourError('TOKENIZER_INVALID', `${file}: ${why}.`, { file, why }, { cause })
}

import { join } from 'node:path'
import { describe, expected } from './check.js'
import { TwofourError } from './errors.js'
import { isJsonObject, type JsonObject, readJsonFile, readJsonObject } from './json-file.js'

export type PoolingMode = 'mean' | 'cls' | 'max' | 'meanSqrtLength' | 'lastToken'

/** What a sentence-transformers directory asks for beyond the encoder itself. */
export type SentenceConfig = {
  /** `max_seq_length` of sentence_bert_config.json: tokens of one text, special ones included. */
  maxSeqLength?: number
  /** How token vectors become one; absent without modules.json, or where `unsupported` says why. */
  pooling?: PoolingMode
  /** Whether the vector is scaled to length 1. */
  normalize: boolean
  /** Why sentence vectors cannot be made as the checkpoint asks: throw it as CHECKPOINT_UNSUPPORTED when one is wanted. */
  unsupported?: string
}

/** The published names of each mode: the boolean keys of older files, the words of newer ones. */
const modeNames = new Map<string, PoolingMode | undefined>([
  ['pooling_mode_cls_token', 'cls'],
  ['pooling_mode_max_tokens', 'max'],
  ['pooling_mode_mean_tokens', 'mean'],
  ['pooling_mode_mean_sqrt_len_tokens', 'meanSqrtLength'],
  ['pooling_mode_weightedmean_tokens', undefined],
  ['pooling_mode_lasttoken', 'lastToken'],
  ['cls', 'cls'],
  ['max', 'max'],
  ['mean', 'mean'],
  ['mean_sqrt_len_tokens', 'meanSqrtLength'],
  ['weightedmean', undefined],
  ['lasttoken', 'lastToken'],
])

/**
 * Reads modules.json, the pooling module's config.json and sentence_bert_config.json; all may be absent.
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG, CHECKPOINT_PATH_ESCAPE, FILE_UNREADABLE
 */
export async function readSentenceConfig(dir: string): Promise<SentenceConfig> {
  const { maxSeqLength } = await readSentenceBertConfig(dir)
  const modules = await readModules(join(dir, 'modules.json'))
  return { ...(maxSeqLength !== undefined && { maxSeqLength }), ...(await readHead(dir, modules)) }
}

/**
 * sentence_bert_config.json by itself: what the tokenizer needs of it.
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG, FILE_UNREADABLE
 */
export async function readSentenceBertConfig(
  dir: string,
): Promise<{ maxSeqLength?: number; lowerCase: boolean }> {
  const file = join(dir, 'sentence_bert_config.json')
  const config = (await readJsonObject(file, 'CHECKPOINT_INVALID_CONFIG')) ?? {}
  const lowerCase = config.do_lower_case ?? false
  if (typeof lowerCase !== 'boolean') throw invalid(file, 'do_lower_case', 'true or false', lowerCase)
  const length = config.max_seq_length ?? undefined
  if (length === undefined) return { lowerCase }
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 1) {
    throw invalid(file, 'max_seq_length', 'a whole number from 1', length)
  }
  return { maxSeqLength: length, lowerCase }
}

type Module = { kind: string; path: string }

async function readModules(file: string): Promise<Module[]> {
  const list = (await readJsonFile(file, 'CHECKPOINT_INVALID_CONFIG')) ?? []
  if (!Array.isArray(list)) throw invalid(file, 'modules.json', 'an array', list)
  return list.map((entry: unknown, index) => {
    if (!isJsonObject(entry)) throw invalid(file, `[${index}]`, 'an object', entry)
    const { type, path } = entry
    if (typeof type !== 'string') throw invalid(file, `[${index}].type`, 'a string', type)
    if (typeof path !== 'string') throw invalid(file, `[${index}].path`, 'a string', path)
    // Only the class's own name has stayed the same between releases; the package before it has moved.
    return { kind: type.slice(type.lastIndexOf('.') + 1), path: checkInside(file, path) }
  })
}

function checkInside(file: string, path: string): string {
  const plain = !/[\\\0]|^\/|^[A-Za-z]:/.test(path) && !path.split('/').includes('..')
  if (plain) return path
  throw new TwofourError(
    'CHECKPOINT_PATH_ESCAPE',
    `${file} names the path ${describe(path)}, which may lie outside the model's directory. Use a plain name such as '1_Pooling'.`,
    { file, path },
  )
}

async function readHead(
  dir: string,
  modules: readonly Module[],
): Promise<Omit<SentenceConfig, 'maxSeqLength'>> {
  if (modules.length === 0) return { normalize: false }
  const kinds = modules.map((module) => module.kind)
  const normalize = kinds[2] === 'Normalize'
  const usual = normalize ? ['Transformer', 'Pooling', 'Normalize'] : ['Transformer', 'Pooling']
  const odd = kinds.find((kind) => !['Transformer', 'Pooling', 'Normalize'].includes(kind))
  if (odd !== undefined) {
    return {
      normalize,
      unsupported: `modules.json asks for a ${describe(odd)} module, which twofour does not run.`,
    }
  }
  if (kinds.join() !== usual.join()) {
    const got = kinds.join(', ')
    return {
      normalize,
      unsupported: `modules.json lists ${got}; twofour runs Transformer, Pooling and then Normalize or nothing.`,
    }
  }
  return { normalize, ...(await readPooling(join(dir, modules[1]!.path, 'config.json'))) }
}

async function readPooling(file: string): Promise<{ pooling: PoolingMode } | { unsupported: string }> {
  const config = await readJsonObject(file, 'CHECKPOINT_INVALID_CONFIG')
  if (config === undefined)
    throw invalid(file, 'config.json', "the pooling module's configuration", undefined)
  const names =
    config.pooling_mode === undefined ? oldModes(file, config) : newModes(file, config.pooling_mode)
  if (names.length > 1) {
    return {
      unsupported: `${file} asks for ${names.join(' and ')} side by side; twofour makes one pooled vector.`,
    }
  }
  const name = names[0] ?? 'mean'
  if (!modeNames.has(name)) throw invalid(file, 'pooling_mode', 'a known pooling mode', name)
  const pooling = modeNames.get(name)
  return pooling === undefined
    ? { unsupported: `${file} asks for ${name}, which twofour does not run.` }
    : { pooling }
}

function newModes(file: string, value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  return list.map((name) => {
    if (typeof name === 'string') return name
    throw invalid(file, 'pooling_mode', 'a string or an array of strings', value)
  })
}

function oldModes(file: string, config: JsonObject): string[] {
  const keys = Object.keys(config).filter((key) => key.startsWith('pooling_mode_'))
  return keys.filter((key) => {
    if (typeof config[key] === 'boolean') return config[key]
    throw invalid(file, key, 'true or false', config[key])
  })
}

function invalid(file: string, what: string, wanted: string, got: unknown): TwofourError {
  return new TwofourError('CHECKPOINT_INVALID_CONFIG', `${file}: ${expected(what, wanted, got)}`, { file })
}

import { join } from 'node:path'
import { describe } from '../check.js'
import { TwofourError } from '../errors.js'
import { isJsonObject, type JsonObject, readJsonObject } from '../json-file.js'
import type { FileRead } from '../reading.js'
import { modulesFile, rootOf } from './modules.js'
import { flagOf, type IgnoredRead, invalid, ReadLog } from './read-log.js'

/** What sentence-transformers' file in a transformer's folder asks of the tokenizer, and of the module's output. */
export type SentenceBertConfig = {
  /** Tokens of one text, special ones included. */
  readonly maxSeqLength?: number
  /** Whether texts are lower-cased before the tokenizer sees them. */
  readonly lowerCase: boolean
  /** The file; absent where there is none that counts. */
  readonly file?: string
  /** Why the module's output is not the token vectors that a Pooling reads. */
  readonly unsupported?: string
  readonly reads: readonly FileRead[]
  readonly ignored: readonly IgnoredRead[]
}

/** In the order in which the reference looks for them; an empty object counts as absent. */
const names = [
  'sentence_bert_config.json',
  'sentence_roberta_config.json',
  'sentence_distilbert_config.json',
  'sentence_camembert_config.json',
  'sentence_albert_config.json',
  'sentence_xlm-roberta_config.json',
  'sentence_xlnet_config.json',
]

export const transformerFiles: readonly string[] = names

/**
 * The first of sentence_bert_config.json and its older names in a transformer's folder. As in the reference it counts
 * where a modules.json, in this folder or one above it, has the transformer here.
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG; CHECKPOINT_UNSUPPORTED for keys that would change tokens or weights in
 *   ways that twofour does not follow; FILE_UNREADABLE
 */
export async function readSentenceBertConfig(folder: string): Promise<SentenceBertConfig> {
  const root = await rootOf(folder)
  const log = new ReadLog(root ?? folder)
  const found = await firstOf(folder)
  if (found === undefined) return { lowerCase: false, reads: [], ignored: [] }
  if (root === undefined) {
    log.ignore(found.file, undefined, `no ${modulesFile} has a Transformer in this folder`)
    return { lowerCase: false, reads: [], ignored: log.ignored }
  }
  const { file, config } = found
  log.opened(file)
  const asked = { ...readLengths(file, config, log), lowerCase: readLowerCase(file, config, log) }
  checkArguments(file, config, log)
  const unsupported = whyOtherOutput(file, config)
  const { reads, ignored } = log
  return { ...asked, file, ...(unsupported !== undefined && { unsupported }), reads, ignored }
}

async function firstOf(folder: string): Promise<{ file: string; config: JsonObject } | undefined> {
  for (const name of names) {
    const file = join(folder, name)
    const config = await readJsonObject(file, 'CHECKPOINT_INVALID_CONFIG')
    if (config !== undefined && Object.keys(config).length > 0) return { file, config }
  }
  return undefined
}

/** The later of these wins in the reference. */
const lengths: readonly (readonly string[])[] = [
  ['max_seq_length'],
  ['processor_kwargs', 'model_max_length'],
  ['tokenizer_args', 'model_max_length'],
  ['processing_kwargs', 'text', 'max_length'],
  ['processing_kwargs', 'common', 'max_length'],
]

function readLengths(file: string, config: JsonObject, log: ReadLog): { maxSeqLength?: number } {
  const given = lengths.flatMap((path) => {
    const value = at(config, path)
    return value === undefined || value === null ? [] : [{ key: path.join('.'), value }]
  })
  for (const { key, value } of given) {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
      throw invalid(file, key, 'a whole number from 1', value)
  }
  const last = given.at(-1)
  if (last === undefined) return {}
  for (const { key } of given.slice(0, -1)) log.ignore(file, key, `${last.key} wins`)
  log.key(file, last.key, last.value, `texts are cut after ${last.value} tokens`)
  return { maxSeqLength: last.value as number }
}

function at(config: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return config
  return isJsonObject(config) && Object.hasOwn(config, key) ? at(config[key], rest) : undefined
}

function readLowerCase(file: string, config: JsonObject, log: ReadLog): boolean {
  const lowerCase = flagOf(file, 'do_lower_case', config.do_lower_case, false)
  if (lowerCase) log.key(file, 'do_lower_case', true, 'texts are lower-cased')
  return lowerCase
}

/** How the reference loads files and computes, which changes no number here. */
const ofLoading = [
  ...['trust_remote_code', 'token', 'use_auth_token', 'cache_dir', 'revision', 'code_revision', 'subfolder'],
  ...['local_files_only', 'force_download', 'proxies', 'use_safetensors', 'low_cpu_mem_usage', 'device_map'],
  ...['torch_dtype', 'dtype', 'attn_implementation', 'add_pooling_layer', 'unpad_inputs'],
  ...['use_memory_efficient_attention', 'use_flash_attn', 'output_hidden_states', 'output_attentions'],
  ...['return_dict', 'use_cache'],
]
const ofTokenizers = ['model_max_length', 'use_fast', 'padding_side', 'clean_up_tokenization_spaces']
const ofCalls = ['max_length', 'padding', 'pad_to_multiple_of', 'return_tensors', 'return_attention_mask']

/** Arguments for transformers' own functions, under their older and newer names. */
const groups: Readonly<Record<string, readonly string[]>> = {
  model_args: ofLoading,
  model_kwargs: ofLoading,
  config_args: ofLoading,
  config_kwargs: ofLoading,
  tokenizer_args: [...ofLoading, ...ofTokenizers],
  processor_kwargs: [...ofLoading, ...ofTokenizers],
}

/** Keys that are read elsewhere in this file. */
const plain = ['max_seq_length', 'do_lower_case', 'transformer_task', 'modality_config', 'module_output_name']

/** @throws TwofourError CHECKPOINT_UNSUPPORTED naming what would change tokens or weights */
function checkArguments(file: string, config: JsonObject, log: ReadLog): void {
  for (const [key, value] of Object.entries(config)) {
    if (plain.includes(key)) continue
    const harmless = Object.hasOwn(groups, key) ? groups[key] : undefined
    if (harmless !== undefined) checkGroup(file, key, value, harmless, log)
    else if (key === 'processing_kwargs') checkProcessing(file, value, log)
    else if (key === 'unpad_inputs') log.ignore(file, key, 'twofour never pads')
    else if (key !== 'tokenizer_name_or_path' || value !== null) throw unsupported(file, key, value)
  }
}

function checkGroup(
  file: string,
  group: string,
  value: unknown,
  harmless: readonly string[],
  log: ReadLog,
): void {
  if (!isJsonObject(value)) throw invalid(file, group, 'an object', value)
  for (const [key, each] of Object.entries(value)) {
    if (!harmless.includes(key)) throw unsupported(file, `${group}.${key}`, each)
    const obeyed = key === 'model_max_length' || key === 'max_length'
    if (!obeyed)
      log.ignore(file, `${group}.${key}`, 'it changes how the reference loads or pads, and no number')
  }
}

/** What the tokenizer is called with. */
function checkProcessing(file: string, value: unknown, log: ReadLog): void {
  if (value === null) return
  if (!isJsonObject(value)) throw invalid(file, 'processing_kwargs', 'an object', value)
  for (const [group, each] of Object.entries(value)) {
    const key = `processing_kwargs.${group}`
    if (group !== 'text' && group !== 'common') {
      log.ignore(file, key, 'it is not for texts')
      continue
    }
    const { truncation = true, ...rest } = isJsonObject(each) ? each : {}
    if (!isJsonObject(each)) throw invalid(file, key, 'an object', each)
    if (truncation !== true && truncation !== 'longest_first')
      throw unsupported(file, `${key}.truncation`, truncation)
    checkGroup(file, key, rest, ofCalls, log)
  }
}

/** Why a Pooling that follows would not read the last layer's states. */
function whyOtherOutput(file: string, config: JsonObject): string | undefined {
  const task = config.transformer_task ?? 'feature-extraction'
  if (task !== 'feature-extraction') return asks(file, 'transformer_task', task)
  const { modality_config: modalities, module_output_name: output } = config
  // Without it the reference does not look at the output's name.
  if (modalities === undefined) return undefined
  if (!isJsonObject(modalities)) throw invalid(file, 'modality_config', 'an object', modalities)
  if (output !== 'token_embeddings') return asks(file, 'module_output_name', output)
  if ('message' in modalities) return asks(file, 'modality_config.message', modalities.message)
  const name = at(modalities, ['text', 'method_output_name'])
  const usual = (Array.isArray(name) ? name : [name]).join() === 'last_hidden_state'
  if (at(modalities, ['text', 'method']) === 'forward' && usual) return undefined
  return asks(file, 'modality_config.text', modalities.text)
}

function asks(file: string, key: string, value: unknown): string {
  return `${file} asks for ${key} ${describe(value)}; twofour pools the last layer's token vectors.`
}

function unsupported(file: string, key: string, value: unknown): TwofourError {
  const message = `${file} asks for \`${key}\` ${describe(value)}, which twofour does not follow. Remove the key where the model does not need it.`
  return new TwofourError('CHECKPOINT_UNSUPPORTED', message, { file, key, value })
}

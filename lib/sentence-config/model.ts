import { join } from 'node:path'
import { isJsonObject, type JsonObject, readJsonObject } from '../json-file.js'
import { modulesFile, readModules } from './modules.js'
import { invalid, ReadLog } from './read-log.js'

export const similarities = ['cosine', 'dot', 'euclidean', 'manhattan'] as const
/** How two vectors are compared; distances count as negative numbers. */
export type Similarity = (typeof similarities)[number]

/** config_sentence_transformers.json. */
export type ModelConfig = {
  /** The class that the model was saved by: SentenceTransformer, CrossEncoder or SparseEncoder. */
  readonly modelType: string
  readonly prompts: Readonly<Record<string, string>>
  /** The name of a prompt that applies unasked. */
  readonly defaultPrompt?: string
  /** Numbers of a vector that are kept. */
  readonly dimensions?: number
  readonly similarity: Similarity
  /** A CrossEncoder's, as the path of a class. */
  readonly activation?: string
}

export const modelFile = 'config_sentence_transformers.json'
export const sentenceModel = 'SentenceTransformer'

/** What the reference assumes without the file. */
const plain: ModelConfig = { modelType: sentenceModel, prompts: {}, similarity: 'cosine' }

/** In the reference they are there without a text, too. */
const alwaysThere = ['query', 'document']

/**
 * The file, which counts beside a modules.json alone; undefined without one.
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG, FILE_UNREADABLE; as `readModules`
 */
export async function readModelConfig(
  root: string,
  log = new ReadLog(root),
): Promise<ModelConfig | undefined> {
  const file = join(root, modelFile)
  const config = await readJsonObject(file, 'CHECKPOINT_INVALID_CONFIG')
  if ((await readModules(root)) === undefined) {
    if (config !== undefined)
      log.ignore(file, undefined, `without ${modulesFile} the reference does not read it`)
    return undefined
  }
  if (config === undefined) return plain
  log.opened(file)
  for (const key of Object.keys(config)) {
    if (!known.includes(key)) log.ignore(file, key, 'sentence-transformers 5.7 does not read it')
  }
  const modelType = readType(file, config)
  const prompts = readPrompts(file, config)
  return {
    modelType,
    prompts,
    ...readDefaultPrompt(file, config, prompts, log),
    ...readDimensions(file, config, log),
    similarity: readSimilarity(file, config, log),
    ...readActivation(file, config, modelType, log),
  }
}

const known = [
  'model_type',
  'prompts',
  'default_prompt_name',
  'truncate_dim',
  'similarity_fn_name',
  'activation_fn',
]

function readType(file: string, { model_type: type = sentenceModel }: JsonObject): string {
  if (typeof type === 'string') return type
  throw invalid(file, 'model_type', 'a string', type)
}

function readPrompts(file: string, { prompts = {} }: JsonObject): Record<string, string> {
  if (!isJsonObject(prompts)) throw invalid(file, 'prompts', 'an object of texts', prompts)
  const texts = Object.entries(prompts).map(([name, text]) => {
    // null is a name without a text.
    if (text === null || typeof text === 'string') return [name, text ?? ''] as const
    throw invalid(file, `prompts.${name}`, 'a text', text)
  })
  return Object.fromEntries(texts)
}

function readDefaultPrompt(
  file: string,
  { default_prompt_name: name = null }: JsonObject,
  prompts: Readonly<Record<string, string>>,
  log: ReadLog,
): { defaultPrompt?: string } {
  if (name === null) return {}
  const names = Object.keys(prompts)
  const there = typeof name === 'string' && (Object.hasOwn(prompts, name) || alwaysThere.includes(name))
  if (!there)
    throw invalid(file, 'default_prompt_name', `one of its prompts (${names.join(', ') || 'none'})`, name)
  const text = Object.hasOwn(prompts, name) ? prompts[name]! : ''
  if (text === '') return {}
  log.key(file, 'default_prompt_name', name, `${JSON.stringify(text)} is put before each text`)
  return { defaultPrompt: name }
}

function readDimensions(
  file: string,
  { truncate_dim: value = null }: JsonObject,
  log: ReadLog,
): { dimensions?: number } {
  if (value === null) return {}
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
    throw invalid(file, 'truncate_dim', 'a whole number from 1', value)
  log.key(file, 'truncate_dim', value, `the first ${value} numbers of a vector are kept`)
  return { dimensions: value }
}

function readSimilarity(
  file: string,
  { similarity_fn_name: value = null }: JsonObject,
  log: ReadLog,
): Similarity {
  if (value === null) return 'cosine'
  const similarity = similarities.find((name) => name === value)
  if (similarity === undefined)
    throw invalid(file, 'similarity_fn_name', `one of ${similarities.join(', ')}`, value)
  log.key(file, 'similarity_fn_name', value, `vectors are compared by '${similarity}'`)
  return similarity
}

function readActivation(
  file: string,
  { activation_fn: value = null }: JsonObject,
  modelType: string,
  log: ReadLog,
): { activation?: string } {
  if (value === null) return {}
  if (modelType !== 'CrossEncoder') {
    log.ignore(file, 'activation_fn', `model_type is ${modelType}, and only a CrossEncoder has one`)
    return {}
  }
  if (typeof value !== 'string') throw invalid(file, 'activation_fn', 'the path of a class of torch', value)
  log.key(file, 'activation_fn', value, "scores are the class's outputs")
  return { activation: value }
}

import type { FileRead } from './reading.js'
import { type Chain, defaultChain, readChain } from './sentence-config/chain.js'
import {
  type ModelConfig,
  modelFile,
  readModelConfig,
  type Similarity,
  sentenceModel,
} from './sentence-config/model.js'
import { modulesFile, readModules, transformerFolder } from './sentence-config/modules.js'
import { type IgnoredRead, ReadLog } from './sentence-config/read-log.js'
import { readSentenceBertConfig } from './sentence-config/transformer.js'

export { readModelConfig, type Similarity } from './sentence-config/model.js'
export { readModules, transformerFolder } from './sentence-config/modules.js'
export { type PoolingMode, poolingModes } from './sentence-config/pooling.js'
export type { IgnoredRead } from './sentence-config/read-log.js'
export {
  readSentenceBertConfig,
  type SentenceBertConfig,
  transformerFiles,
} from './sentence-config/transformer.js'

/** What sentence-transformers' files ask for beyond the encoder itself. */
export type SentenceConfig = Chain & {
  /** Tokens of one text, special ones included. */
  readonly maxSeqLength?: number
  /** Texts to put before a text, by name. */
  readonly prompts: Readonly<Record<string, string>>
  /** The name of the one that applies unasked. */
  readonly defaultPrompt?: string
  /** Numbers that are kept of a vector, which is not scaled again. */
  readonly dimensions?: number
  /** How two vectors are compared. */
  readonly similarity: Similarity
  /** Every file that was read, and the keys that changed a number. */
  readonly reads: readonly FileRead[]
  readonly ignored: readonly IgnoredRead[]
}

/**
 * Reads modules.json of a model's folder, and what belongs to it: config_sentence_transformers.json, config.json of its
 * Pooling and sentence_bert_config.json of its transformer. All may be absent.
 * @param root the folder that was opened, not the one that modules.json has the transformer in
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG, CHECKPOINT_PATH_ESCAPE, CHECKPOINT_UNSUPPORTED, FILE_UNREADABLE
 */
export async function readSentenceConfig(root: string): Promise<SentenceConfig> {
  const log = new ReadLog(root)
  const modules = await readModules(root)
  const model = await readModelConfig(root, log)
  const folder = await transformerFolder(root)
  const bert = await readSentenceBertConfig(folder)
  const length = bert.maxSeqLength === undefined ? {} : { maxSeqLength: bert.maxSeqLength }
  const ignored = [...bert.ignored]

  if (modules === undefined || model === undefined) {
    return {
      ...length,
      ...defaultChain,
      ...withoutPrompts,
      reads: bert.reads,
      ignored: [...log.ignored, ...ignored],
    }
  }
  if (model.modelType !== sentenceModel) return { ...length, ...otherType(model) }
  const chain = await readChain(root, modules, log)
  const unsupported = chain.unsupported ?? bert.unsupported
  return {
    ...length,
    ...chain,
    ...(unsupported !== undefined && { unsupported }),
    ...ofModel(model),
    reads: [...log.reads, ...bert.reads],
    ignored: [...log.ignored, ...ignored],
  }
}

const withoutPrompts = { prompts: {}, similarity: 'cosine' } as const

function ofModel({ prompts, defaultPrompt, dimensions, similarity }: ModelConfig) {
  return {
    prompts,
    similarity,
    ...(defaultPrompt !== undefined && { defaultPrompt }),
    ...(dimensions !== undefined && { dimensions }),
  }
}

/** Of a model of another class the reference takes the transformer alone, and pools it by the mean. */
function otherType({ modelType }: ModelConfig) {
  const effect = "vectors are pooled by 'mean', without modules and prompts"
  return {
    ...defaultChain,
    ...withoutPrompts,
    reads: [{ file: modelFile, keys: [{ key: 'model_type', value: modelType, effect }] }],
    ignored: [{ file: modulesFile, why: `model_type is ${modelType}` }],
  }
}

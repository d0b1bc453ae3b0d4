import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { familyOf } from '../lib/architecture/families.js'
import { type Naming, tensorNames } from '../lib/architecture/names.js'
import { weightShapes } from '../lib/architecture/shapes.js'
import { Config } from '../lib/checkpoint/config.js'
import { chooseHead } from '../lib/checkpoint/read-head.js'
import { readLayers, readSizes } from '../lib/checkpoint/read-layers.js'
import { readSpec } from '../lib/checkpoint/read-spec.js'
import { saveSafetensors, type TensorArray } from '../lib/checkpoint/safetensors-write.js'
import { encode, randomNumbers, type StoredDtype } from './random-numbers.js'
import { temporaryDirectory } from './temporary-directory.js'

const classNames = {
  bert: 'Bert',
  roberta: 'Roberta',
  'xlm-roberta': 'XLMRoberta',
  camembert: 'Camembert',
  distilbert: 'DistilBert',
  albert: 'Albert',
  electra: 'Electra',
  mpnet: 'MPNet',
} as const

export type MadeFamily = keyof typeof classNames
export const madeFamilies = Object.keys(classNames) as readonly MadeFamily[]

export const madeHeads = [
  'Model',
  'ForSequenceClassification',
  'ForTokenClassification',
  'ForQuestionAnswering',
  'ForMaskedLM',
] as const

export type MakeOptions = {
  /** @default 'bert' */
  readonly family?: MadeFamily
  /** What follows the family's name in `architectures`. @default 'Model' */
  readonly head?: (typeof madeHeads)[number] | 'ForPreTraining'
  /** @default 32 */
  readonly hidden?: number
  /** @default 4 */
  readonly heads?: number
  /** @default 48 */
  readonly inner?: number
  /** @default 2 */
  readonly layers?: number
  /** @default 64 */
  readonly vocab?: number
  /** Tokens at most; the table is longer where positions begin after the padding id. @default 40 */
  readonly positions?: number
  /** Of ALBERT and ELECTRA. @default 16 */
  readonly embedding?: number
  /** Of ALBERT. @default 1 */
  readonly groups?: number
  /** Of ALBERT. @default 1 */
  readonly innerGroups?: number
  /** Of classifiers. @default 3 */
  readonly labels?: number
  /** Whether there is one, where the family has it. @default true */
  readonly pooler?: boolean
  /** @default true */
  readonly tied?: boolean
  /** Before the encoder's tensors. @default '' for 'Model', else the family's */
  readonly prefix?: string
  /** LayerNorms with gamma and beta. @default false */
  readonly legacy?: boolean
  /** @default 'F32' */
  readonly dtype?: StoredDtype
  /** Files that the tensors are spread over; above 1 with an index. @default 1 */
  readonly shards?: number
  /** @default 1 */
  readonly seed?: number
  /** Over the config.json that follows from the rest, before weights are made by it. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** Writes a random checkpoint into a new directory that goes with the process. The same options make the same bytes. */
export async function makeCheckpoint(options: MakeOptions = {}): Promise<string> {
  const directory = temporaryDirectory()
  const fields = { ...makeConfig(options), ...options.config }
  await writeFile(join(directory, 'config.json'), JSON.stringify(fields, null, 2))
  await saveShards(directory, makeTensors(fields, options), options.shards ?? 1)
  return directory
}

/** The config.json that the options describe, without `options.config`. */
export function makeConfig(options: MakeOptions): Record<string, unknown> {
  const { family: modelType = 'bert', head = 'Model', labels = 3, tied = true, positions = 40 } = options
  const { config } = familyOf(modelType)!
  const sizes = {
    hidden: 32,
    heads: 4,
    inner: 48,
    layers: 2,
    vocab: 64,
    embedding: 16,
    groups: 1,
    ...options,
  }
  const fields: Record<string, unknown> = {
    architectures: [classNames[modelType] + head],
    model_type: modelType,
    id2label: Object.fromEntries(Array.from({ length: labels }, (_, index) => [index, `label ${index}`])),
    tie_word_embeddings: tied,
    pad_token_id: config.positionPadding === null ? 0 : 1,
    [config.positions[0]]: positions + (config.positionPadding === null ? 0 : 2),
  }
  for (const name of ['vocab', 'hidden', 'heads', 'layers', 'inner'] as const)
    fields[config[name][0]] = sizes[name]
  if (config.embedding !== null) fields[config.embedding[0]] = sizes.embedding
  if (config.groups !== null) fields[config.groups[0]] = sizes.groups
  if (config.innerGroups !== null) fields[config.innerGroups[0]] = options.innerGroups ?? 1
  return fields
}

function makeTensors(fields: Record<string, unknown>, options: MakeOptions): TensorArray[] {
  const { family: modelType = 'bert', head = 'Model', legacy = false, dtype = 'F32' } = options
  const family = familyOf(modelType)!
  const config = new Config('config.json', { ...fields })
  const { table } = chooseHead(family, config, 'auto')
  const sizes = readSizes(family, config)
  const pooler = (options.pooler ?? true) && family.tensors.pooler !== null
  const present = { pooler, headRows: undefined }
  const spec = readSpec(family, config, sizes, readLayers(family, config, sizes), table, present)

  const prefix = options.prefix ?? (head === 'Model' ? '' : family.prefixes[0]!)
  const tied = table?.kind === 'maskedLanguage' && fields.tie_word_embeddings !== false
  const naming: Naming = { family, prefixes: [prefix], head: table, tied, innerGroups: sizes.innerGroups }
  const next = randomNumbers(options.seed ?? 1)
  const tensors = new Map<string, TensorArray>()
  for (const [slot, shape] of weightShapes(spec)) {
    const [usual = slot, old = usual] = tensorNames(slot, naming)
    const isNorm = /Norm\.(weight|bias)$/.test(slot)
    const name = legacy && isNorm ? old : usual
    if (tensors.has(name)) continue
    const count = shape.reduce((product, size) => product * size, 1)
    const gain = isNorm && slot.endsWith('weight')
    const values = Float64Array.from({ length: count }, () => (gain ? 1 : 0) + (next() - 0.5) * 0.3)
    tensors.set(name, { name, dtype, shape, data: encode(values, dtype) })
  }
  return [...tensors.values()]
}

async function saveShards(directory: string, tensors: readonly TensorArray[], shards: number): Promise<void> {
  if (shards === 1) return saveSafetensors(join(directory, 'model.safetensors'), tensors)
  const map: Record<string, string> = {}
  for (let shard = 0; shard < shards; shard++) {
    const file = `model-${shard + 1}-of-${shards}.safetensors`
    const part = tensors.filter((_, index) => index % shards === shard)
    for (const { name } of part) map[name] = file
    await saveSafetensors(join(directory, file), part)
  }
  const index = JSON.stringify({ metadata: {}, weight_map: map })
  await writeFile(join(directory, 'model.safetensors.index.json'), index)
}

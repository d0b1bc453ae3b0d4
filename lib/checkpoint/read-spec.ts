import { activationNames } from '../architecture/activation.js'
import type { Family, Field, HeadTable } from '../architecture/family.js'
import type { Activation, EncoderSpec } from '../architecture/spec.js'
import { nearMiss } from '../check.js'
import { isJsonObject } from '../json-file.js'
import type { Config } from './config.js'
import { readHead } from './read-head.js'
import type { Layers, Sizes } from './read-layers.js'

/** What only the tensors can say. */
export type Present = {
  readonly pooler: boolean
  /** Rows of the head's output weight, where it is there. */
  readonly headRows: number | undefined
}

/**
 * The spec that config.json describes; whether the weights agree is not looked at.
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG, CHECKPOINT_UNSUPPORTED
 */
export function readSpec(
  family: Family,
  config: Config,
  sizes: Sizes,
  layers: Layers,
  head: HeadTable | null,
  present: Present,
): EncoderSpec {
  const table = family.config
  const { hidden } = sizes
  const vocab = config.size(table.vocab)
  const embedding = table.embedding === null ? hidden : config.size(table.embedding, 1, 1 << 20)
  const activation = readActivation(family, config)
  return {
    vocab,
    hidden,
    embedding,
    projection: family.projection === 'always' || (family.projection === 'resized' && embedding !== hidden),
    ...readPositions(family, config),
    tokenTypes: table.tokenTypes === null ? 0 : config.size(table.tokenTypes),
    ...layers,
    originalHeads: sizes.heads,
    epsilon: typeof table.epsilon === 'number' ? table.epsilon : config.positive(table.epsilon),
    activation,
    relative: readRelative(family, config),
    pooler: present.pooler || head?.input === 'pooled',
    head: head && readHead(head, config, { vocab, hidden, embedding }, activation, present.headRows),
  }
}

/**
 * Refuses what config.json can ask for and twofour does not do.
 * @returns sentences on what is read in one of several ways
 * @throws TwofourError CHECKPOINT_UNSUPPORTED
 */
export function checkSupported({ positionTypes }: Family, config: Config): string[] {
  for (const field of ['is_decoder', 'add_cross_attention']) {
    if (!config.flag([field, false])) continue
    throw config.unsupported(field, 'false', true, 'twofour runs encoders: a token sees its whole sequence.')
  }
  for (const [field, fix] of refused) {
    const value = config.get(field) ?? null
    if (value === null || (isJsonObject(value) && Object.keys(value).length === 0)) continue
    throw config.unsupported(field, 'absent', value, fix)
  }
  return positionTypes ? checkPositionType(config) : []
}

const refused: readonly (readonly [field: string, fix: string])[] = [
  [
    'quantization_config',
    'Quantised weights are not read: download or save the model in float32, float16 or bfloat16.',
  ],
  ['per_layer_config', 'Layers have one shape here, unless `twofour` of config.json says another.'],
]

function checkPositionType(config: Config): string[] {
  const kind = config.get('position_embedding_type')
  if (kind === undefined || kind === 'absolute') return []
  if (kind === null) {
    return [
      'position_embedding_type is null: read as absolute, like transformers 5; transformers 4 added no positions.',
    ]
  }
  throw config.unsupported(
    'position_embedding_type',
    "'absolute'",
    kind,
    'The other kinds have no kernel here.',
  )
}

function readPositions(family: Family, config: Config): Pick<EncoderSpec, 'positions' | 'positionPadding'> {
  const { positions: field, positionPadding: rule } = family.config
  const positions = config.size(field)
  const padding = rule === null || typeof rule === 'number' ? rule : readPadding(config, rule)
  if (padding === null || padding + 1 < positions) return { positions, positionPadding: padding }
  throw config.refusal(field[0], `over ${padding + 1}, where positions begin`, positions)
}

/** Position of padding; null where positions count from 0, which -1 makes them do: no id is -1. */
function readPadding(config: Config, rule: Field<number>): number | null {
  const value = config.get(rule[0])
  if (value === -1) return null
  if (value !== null) return config.size(rule, 0)
  const fix = "Set it to the id of the tokenizer's padding token: positions count from it."
  throw config.refusal(rule[0], 'a whole number', value, fix)
}

function readActivation(family: Family, config: Config): Activation {
  const [field] = family.config.activation
  const name = config.text(family.config.activation)
  const activation = activationNames.get(name)
  if (activation !== undefined) return activation
  const known = [...activationNames.keys()]
  throw config.unsupported(
    field,
    `one of ${known.join(', ')}`,
    name,
    nearMiss(name, known).trim() || 'Others have no kernel here.',
  )
}

function readRelative({ relative }: Family, config: Config): EncoderSpec['relative'] {
  if (relative === null) return null
  const { field, buckets, maxDistance } = relative
  const got = config.size([field, buckets])
  // The reference computes with 32 buckets whatever the table's height is.
  if (got !== buckets)
    throw config.unsupported(field, `${buckets}`, got, 'The family has no other number of buckets.')
  return { buckets, maxDistance }
}

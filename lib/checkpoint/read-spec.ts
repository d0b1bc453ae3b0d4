import { activationNames } from '../architecture/activation.js'
import type { Family, HeadTable } from '../architecture/family.js'
import type { Activation, EncoderSpec } from '../architecture/spec.js'
import { nearMiss } from '../check.js'
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

/** What config.json can ask for and twofour does not do. @throws TwofourError CHECKPOINT_UNSUPPORTED */
export function checkSupported(config: Config): void {
  for (const field of ['is_decoder', 'add_cross_attention']) {
    if (!config.flag([field, false])) continue
    throw config.unsupported(field, 'false', true, 'twofour runs encoders: a token sees its whole sequence.')
  }
  const kind = config.get('position_embedding_type') ?? 'absolute'
  if (kind === 'absolute') return
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
  const padding = rule === null || typeof rule === 'number' ? rule : config.size(rule, 0)
  if (padding === null || padding + 1 < positions) return { positions, positionPadding: padding }
  throw config.refusal(field[0], `over ${padding + 1}, where positions begin`, positions)
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

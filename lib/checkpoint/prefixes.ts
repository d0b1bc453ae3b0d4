import { families } from '../architecture/families.js'
import type { Family } from '../architecture/family.js'
import type { Naming } from '../architecture/names.js'
import type { Config } from './config.js'

export type Prefixes = {
  /** What may stand before the encoder's tensors, the one that is used first. */
  readonly encoder: readonly string[]
  /** What stands before a head's tensors. */
  readonly head: string
  /** A sentence where they are not the family's own. */
  readonly note: string | null
}

/**
 * The prefix of the embeddings, which is tried first for every tensor. Where none is the family's own, wrappers such as
 * `module.` and `0.auto_model.` are taken off, if one encoder alone is there.
 * @throws TwofourError CHECKPOINT_UNSUPPORTED for several encoders, and for another family's prefix
 */
export function findPrefixes(
  family: Family,
  config: Config,
  tensors: ReadonlyMap<string, unknown>,
): Prefixes {
  const { wordEmbeddings, positionEmbeddings } = family.tensors
  const anchors = [wordEmbeddings, positionEmbeddings].map((name) => `${name}.weight`)
  const used = family.prefixes.find((prefix) => anchors.some((name) => tensors.has(prefix + name)))
  if (used !== undefined) return { encoder: firstOf(family.prefixes, used), head: '', note: null }

  const foreign = new Set(
    [...tensors.keys()].flatMap((name) => {
      const anchor = anchors.find((each) => name.endsWith(`.${each}`))
      return anchor === undefined ? [] : [name.slice(0, -anchor.length)]
    }),
  )
  const [prefix] = foreign
  if (prefix === undefined) return { encoder: family.prefixes, head: '', note: null }
  if (foreign.size > 1) throw severalEncoders(config, [...foreign])
  refuseOtherFamily(family, config, prefix)
  return takenOff(family, prefix)
}

/** A tensor's name as the family's own classes have it. */
export function unwrapped(name: string, { family, prefixes, headPrefix = '' }: Naming): string {
  const [own = ''] = family.prefixes
  const [encoder = ''] = prefixes
  const wrapped = !family.prefixes.includes(encoder)
  if (!wrapped) return name
  if (name.startsWith(encoder)) return own + name.slice(encoder.length)
  return name.startsWith(headPrefix) ? name.slice(headPrefix.length) : name
}

/** `module.bert.` is a wrapper before the family's own prefix; of `0.auto_model.` the last name is an encoder's. */
function takenOff({ prefixes }: Family, prefix: string): Prefixes {
  const head = prefix.replace(/[^.]*\.$/, '')
  const own = prefixes.find((each) => each !== '' && prefix === head + each)
  const encoder = own === undefined ? [prefix] : firstOf(prefixes, own).map((each) => head + each)
  return { encoder, head, note: `The names of the tensors begin with ${prefix}, which was taken off.` }
}

/** Where names are another family's letter for letter, its prefix is all that tells it: config.json and weights disagree. */
function refuseOtherFamily(family: Family, config: Config, prefix: string): void {
  const last = prefix.slice(prefix.slice(0, -1).lastIndexOf('.') + 1)
  const other = families.find(
    ({ prefixes, tensors }) =>
      prefixes.includes(last) &&
      !family.prefixes.includes(last) &&
      tensors.layers.query === family.tensors.layers.query,
  )
  if (other === undefined) return
  const type = other.modelTypes[0]
  const fix = `If the weights are of ${type}, set \`model_type\` to '${type}'; else take ${prefix} off their names.`
  throw config.unsupported(
    'model_type',
    `that of the weights, whose names begin with ${prefix}`,
    config.get('model_type'),
    fix,
  )
}

function severalEncoders(config: Config, prefixes: readonly string[]) {
  const fix = 'Save the one to open in a file of its own, without the prefix.'
  return config.unsupported(
    'model_type',
    'that of one encoder',
    `encoders under ${prefixes.slice(0, 4).join(', ')}`,
    fix,
  )
}

function firstOf(prefixes: readonly string[], used: string): string[] {
  return [used, ...prefixes.filter((prefix) => prefix !== used)]
}

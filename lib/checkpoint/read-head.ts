import type { Family, HeadTable } from '../architecture/family.js'
import type { Activation, HeadSpec } from '../architecture/spec.js'
import { TwofourError } from '../errors.js'
import { isJsonObject } from '../json-file.js'
import type { Config } from './config.js'

/** A head's table; or none, and where it is not obvious, why. */
export type HeadChoice = { readonly table: HeadTable | null; readonly note: string | null }

/**
 * The head that `architectures[0]` names.
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG, CHECKPOINT_UNSUPPORTED
 */
export function chooseHead(family: Family, config: Config): HeadChoice {
  const names = config.get('architectures') ?? []
  if (!Array.isArray(names)) throw config.refusal('architectures', 'a list of names', names)
  if (names.length === 0) {
    return { table: null, note: 'config.json names no architecture: opened as an encoder without a head.' }
  }

  const name: unknown = names[0]
  if (typeof name !== 'string') throw config.refusal('architectures[0]', 'a name', name)
  const suffix = /(?:For[A-Z]\w*|LMHeadModel|Model)$/.exec(name)?.[0] ?? name
  const choice = family.heads.get(suffix)
  if (choice === undefined) throw unsupportedHead(family, config, name)
  return typeof choice === 'string' ? { table: null, note: choice } : { table: choice, note: null }
}

/**
 * @param rows of the output weight, where it is there
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG
 */
export function readHead(
  table: HeadTable,
  config: Config,
  sizes: { readonly vocab: number; readonly hidden: number; readonly embedding: number },
  activation: Activation,
  rows: number | undefined,
): HeadSpec {
  const { kind, input, transform } = table
  const labels = { maskedLanguage: () => sizes.vocab, questionAnswering: () => 2 }
  return {
    kind,
    labels: kind in labels ? labels[kind as keyof typeof labels]() : countLabels(config, rows),
    input,
    transform: transform && {
      size: sizes[transform.size],
      activation: transform.activation === 'config' ? activation : transform.activation,
      norm: transform.norm !== null,
    },
  }
}

/** Names of a classifier's labels, by index; null where the logits are of something else. */
export function readLabels(config: Config, head: HeadSpec | null): readonly string[] | null {
  if (head?.kind !== 'sequenceClassification' && head?.kind !== 'tokenClassification') return null
  return labelNames(config) ?? Array.from({ length: head.labels }, (_, index) => `LABEL_${index}`)
}

function countLabels(config: Config, rows: number | undefined): number {
  const names = labelNames(config)
  if (names !== null) return names.length
  // Absent where there are two, in configs of transformers.
  return config.get('num_labels') === undefined ? (rows ?? 2) : config.size(['num_labels', 2])
}

function labelNames(config: Config): string[] | null {
  const value = config.get('id2label') ?? null
  if (value === null) return null
  if (!isJsonObject(value)) throw config.refusal('id2label', 'an object of names', value)

  const { length } = Object.keys(value)
  if (length === 0) throw config.refusal('id2label', 'an object of at least one name', value)
  return Array.from({ length }, (_, index) => {
    const name = Object.hasOwn(value, index) ? value[index] : undefined
    if (typeof name === 'string' || typeof name === 'number') return `${name}`
    throw config.refusal(
      `id2label["${index}"]`,
      'a name',
      name,
      `Its ${length} keys are to be 0 to ${length - 1}.`,
    )
  })
}

function unsupportedHead(family: Family, config: Config, name: string): TwofourError {
  const known = [...family.heads.keys()].join(', ')
  const message =
    `Expected \`architectures[0]\` in \`${config.file}\` to end in one of ${known}, got '${name}'. ` +
    "Its encoder alone opens with `Checkpoint.open(path, { head: 'none' })`."
  return new TwofourError('CHECKPOINT_UNSUPPORTED', message, {
    file: config.file,
    field: 'architectures',
    head: name,
  })
}

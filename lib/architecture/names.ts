import type { Family, HeadTable, LayerPart } from './family.js'
import type { Slot } from './spec.js'

/** What tensor names depend on, besides the slot. */
export type Naming = {
  readonly family: Family
  /** What may stand before the encoder's tensors, the one that this checkpoint uses first. */
  readonly prefixes: readonly string[]
  /** What stands before the head's tensors. @default '' */
  readonly headPrefix?: string
  readonly head: HeadTable | null
  /** Whether a masked language head's output is the word embeddings. */
  readonly tied: boolean
  /** Weight sets in one group; 1 where the family has no groups. */
  readonly innerGroups: number
}

const tables: readonly Slot[] = [
  'wordEmbeddings',
  'positionEmbeddings',
  'tokenTypeEmbeddings',
  'relativeBias',
]

/** Names that the tensor of `slot` may have, the likelier first. Some file has each of them. */
export function tensorNames(slot: Slot, naming: Naming): string[] {
  if (tables.includes(slot)) return tableNames(slot, naming)
  const dot = slot.lastIndexOf('.')
  const stem = slot.slice(0, dot)
  const kind = slot.slice(dot + 1)
  if (slot === 'head.output.weight' && naming.tied) return tableNames('wordEmbeddings', naming)
  if (slot === 'head.output.bias') return outputBiasNames(naming)

  const names = stem.startsWith('head.')
    ? headStem(stem, naming)
    : prefixed(encoderStem(stem, naming), naming)
  return names.flatMap((name) => withLegacy(stem, name, kind))
}

/** The pattern of a weight's name in `part` of any layer; captures the index, or both. */
export function layerPattern(family: Family, prefixes: readonly string[], part: LayerPart): RegExp {
  const name = escaped(`${family.tensors.layers[part]}.weight`).replaceAll(/\\\{\w+\\\}/g, '(\\d+)')
  return new RegExp(`^(?:${prefixes.map(escaped).join('|')})${name}$`)
}

/** The pattern of every tensor's name that belongs to some layer. */
export function anyLayerPattern({ family, prefixes }: Pick<Naming, 'family' | 'prefixes'>): RegExp {
  const stem = family.tensors.layers.query.replace(/\{.*/, '')
  return new RegExp(`^(?:${prefixes.map(escaped).join('|')})${escaped(stem)}\\d`)
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

function tableNames(slot: Slot, naming: Naming): string[] {
  const names = prefixed(encoderStem(slot, naming), naming).map((name) => `${name}.weight`)
  // Where two names share one tensor, a writer may have kept the head's.
  if (slot === 'wordEmbeddings' && naming.tied && naming.head !== null)
    names.push(`${naming.headPrefix ?? ''}${naming.head.output}.weight`)
  return names
}

function outputBiasNames({ head, tied, headPrefix = '' }: Naming): string[] {
  if (head === null) return []
  const names = (head.outputBias ?? [`${head.output}.bias`]).map((name) => headPrefix + name)
  // Untied, the decoder's own bias is the one that is added.
  return tied ? names : names.toReversed()
}

function headStem(stem: string, { head, headPrefix = '' }: Naming): string[] {
  const names: Record<string, string | null | undefined> = {
    'head.transform': head?.transform?.dense,
    'head.transformNorm': head?.transform?.norm,
    'head.output': head?.output,
  }
  const name = names[stem]
  return name === undefined || name === null ? [] : [headPrefix + name]
}

function encoderStem(stem: string, { family, innerGroups }: Naming): string | null {
  const layer = /^layers\.(\d+)\.(\w+)$/.exec(stem)
  if (layer === null) return family.tensors[stem as Exclude<keyof Family['tensors'], 'layers'>]
  const set = Number(layer[1])
  return family.tensors.layers[layer[2] as LayerPart]
    .replace('{layer}', `${set}`)
    .replace('{group}', `${Math.floor(set / innerGroups)}`)
    .replace('{inner}', `${set % innerGroups}`)
}

function prefixed(stem: string | null, { prefixes }: Naming): string[] {
  return stem === null ? [] : prefixes.map((prefix) => prefix + stem)
}

/** TensorFlow called a LayerNorm's weight gamma and its bias beta, and so did the first converters. */
function withLegacy(stem: string, name: string, kind: string): string[] {
  const legacy = kind === 'weight' ? 'gamma' : 'beta'
  return stem.endsWith('Norm') ? [`${name}.${kind}`, `${name}.${legacy}`] : [`${name}.${kind}`]
}

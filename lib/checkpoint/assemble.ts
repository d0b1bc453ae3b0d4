import { stat } from 'node:fs/promises'
import { familyOf, modelTypes } from '../architecture/families.js'
import type { Family, HeadTable } from '../architecture/family.js'
import { layerPattern, type Naming, tensorNames } from '../architecture/names.js'
import type { EncoderSpec, Slot } from '../architecture/spec.js'
import { nearMiss } from '../check.js'
import { transformerFolder } from '../sentence-config.js'
import { Config } from './config.js'
import { chooseHead, readLabels } from './read-head.js'
import { checkPlausible, readLayers, readSizes, type Sizes } from './read-layers.js'
import { checkSupported, readSpec } from './read-spec.js'
import { openShards, type Shards, type ShardTensor } from './shards.js'
import { findSlots } from './slots.js'
import type { StoredTensor } from './stored.js'

/** Everything that opening a checkpoint finds out; immutable. */
export type Opened = {
  /** The folder that was opened; the shards' own may be one inside it. */
  readonly root: string
  readonly shards: Shards
  readonly config: Config
  readonly architecture: string
  readonly naming: Naming
  readonly base: EncoderSpec
  readonly slots: ReadonlyMap<Slot, StoredTensor>
  readonly labels: readonly string[] | null
  readonly ignored: readonly string[]
  readonly notes: readonly string[]
}

type Tensors = ReadonlyMap<string, ShardTensor>

/**
 * Reads headers and config.json, and brings them together. `head` 'none' leaves the task head out.
 * @throws TwofourError of reading files, CHECKPOINT_INVALID_CONFIG, CHECKPOINT_UNSUPPORTED, CHECKPOINT_MISMATCH
 */
export async function assemble(path: string, head: 'auto' | 'none', signal?: AbortSignal): Promise<Opened> {
  const folder = await isFolder(path)
  const shards = await openShards(folder ? await transformerFolder(path) : path, signal)
  const config = await Config.read(shards.directory, signal)
  const { family, architecture } = readFamily(config)
  checkSupported(config)

  const choice = head === 'none' ? { table: null, note: null } : chooseHead(family, config)
  const sizes = readSizes(family, config)
  const present = countLayers(family, shards.tensors)
  checkPlausible(family, config, sizes, present)

  const naming = nameTensors(family, config, choice.table, sizes, shards.tensors)
  const layers = readLayers(family, config, sizes)
  const base = readSpec(family, config, sizes, layers, choice.table, {
    pooler: tensorNames('pooler.weight', naming).some((name) => shards.tensors.has(name)),
    headRows: find('head.output.weight', naming, shards.tensors)?.shape[0],
  })
  const slots = findSlots(base, naming, shards)
  return {
    root: folder ? path : shards.directory,
    shards,
    config,
    architecture,
    naming,
    base,
    slots,
    labels: readLabels(config, base.head),
    ignored: unused(shards.tensors, slots),
    notes: [
      ...(choice.note === null ? [] : [choice.note]),
      ...sayUnused(base, naming, shards.tensors, present),
    ],
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}

function readFamily(config: Config): { family: Family; architecture: string } {
  const architecture = config.get('model_type')
  if (typeof architecture !== 'string') {
    throw config.refusal('model_type', `one of ${modelTypes.join(', ')}`, architecture)
  }
  const family = familyOf(architecture)
  if (family !== undefined) return { family, architecture }
  const fix = nearMiss(architecture, modelTypes).trim() || 'Its forward pass is another one.'
  throw config.unsupported('model_type', `one of ${modelTypes.join(', ')}`, architecture, fix)
}

/** The prefix that the embeddings have is tried first for every tensor. */
function nameTensors(
  family: Family,
  config: Config,
  head: HeadTable | null,
  { innerGroups }: Sizes,
  tensors: Tensors,
): Naming {
  const tied = head?.kind === 'maskedLanguage' && config.flag(['tie_word_embeddings', true])
  const { wordEmbeddings, positionEmbeddings } = family.tensors
  const used = family.prefixes.find((prefix) =>
    [wordEmbeddings, positionEmbeddings].some((name) => tensors.has(`${prefix}${name}.weight`)),
  )
  const others = family.prefixes.filter((prefix) => prefix !== used)
  return { family, prefixes: used === undefined ? others : [used, ...others], head, tied, innerGroups }
}

/** Weight sets of which there is at least the first linear. */
function countLayers(family: Family, tensors: Tensors): number {
  const pattern = layerPattern(family, 'query')
  const sets = [...tensors.keys()].flatMap((name) => {
    const match = pattern.exec(name)
    return match === null ? [] : [match.slice(1).join('.')]
  })
  return new Set(sets).size
}

function find(slot: Slot, naming: Naming, tensors: Tensors): ShardTensor | undefined {
  const name = tensorNames(slot, naming).find((candidate) => tensors.has(candidate))
  return name === undefined ? undefined : tensors.get(name)
}

function unused(tensors: Tensors, slots: ReadonlyMap<Slot, StoredTensor>): string[] {
  const used = new Set([...slots.values()].map(({ name }) => name))
  return [...tensors.keys()].filter((name) => !used.has(name))
}

function sayUnused(base: EncoderSpec, { head, tied }: Naming, tensors: Tensors, present: number): string[] {
  const notes: string[] = []
  const sets = new Set(base.layers.map(({ weights }) => weights)).size
  if (present > sets)
    notes.push(`The weights hold ${present} layers, and config.json asks for ${sets} of them.`)
  const decoder = `${head?.output}.weight`
  if (tied && tensors.has(decoder)) {
    notes.push(`config.json ties the word embeddings to the head, so ${decoder} is not read.`)
  }
  return notes
}

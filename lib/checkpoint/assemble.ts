import { stat } from 'node:fs/promises'
import type { Family, HeadTable } from '../architecture/family.js'
import { layerPattern, type Naming, tensorNames } from '../architecture/names.js'
import type { EncoderSpec, Slot } from '../architecture/spec.js'
import { TwofourError } from '../errors.js'
import type { FileRead } from '../reading.js'
import { transformerFolder } from '../sentence-config.js'
import { Config } from './config.js'
import { type IgnoredKey, sortKeys } from './config-keys.js'
import { fileReads } from './folder.js'
import { hasLabels, readLabels } from './labels.js'
import { mismatch } from './mismatch.js'
import { findFamily } from './model-type.js'
import { findPrefixes } from './prefixes.js'
import { chooseHead, type HeadChoice, isKind, leftOut, requiredHead, type UnopenedHead } from './read-head.js'
import { checkPlausible, type Layers, readLayers, readSizes, type Sizes } from './read-layers.js'
import { checkSupported, readSpec } from './read-spec.js'
import { openShards, type Shards, type ShardTensor } from './shards.js'
import { type FoundSlots, findSlots, sayWrong } from './slots.js'
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
  readonly unopenedHead: UnopenedHead | null
  readonly ignored: readonly string[]
  readonly notes: readonly string[]
  readonly reads: readonly FileRead[]
  readonly ignoredKeys: readonly IgnoredKey[]
}

type Tensors = ReadonlyMap<string, ShardTensor>

/** What is the same with every head and without one. */
type Encoder = {
  readonly shards: Shards
  readonly family: Family
  readonly config: Config
  readonly sizes: Sizes
  readonly layers: Layers
  readonly prefixes: ReturnType<typeof findPrefixes>
}

type Built = { readonly naming: Naming; readonly base: EncoderSpec; readonly found: FoundSlots }

type Headed = Built & { readonly unopened: UnopenedHead | null; readonly note: string | null }

/**
 * Reads headers and config.json, and brings them together.
 * @throws TwofourError of reading files, CHECKPOINT_INVALID_CONFIG, CHECKPOINT_UNSUPPORTED, CHECKPOINT_MISMATCH
 */
export async function assemble(path: string, head: HeadChoice, signal?: AbortSignal): Promise<Opened> {
  const folder = await isFolder(path)
  const shards = await openShards(folder ? await transformerFolder(path) : path, signal)
  const plain = await Config.read(shards.directory, signal)
  const { family, architecture, note } = findFamily(plain, shards.tensors)
  const config = plain.spelt(family.spellings)
  const checked = checkSupported(family, config)

  const prefixes = findPrefixes(family, config, shards.tensors)
  const sizes = readSizes(family, config)
  const present = countLayers(family, prefixes.encoder, shards.tensors)
  checkPlausible(family, config, sizes, present)

  const layers = readLayers(family, config, sizes)
  const opened = withHead({ shards, family, config, sizes, layers, prefixes }, head)
  const { base, naming, found, unopened } = opened
  if (found.missing.length + found.misshapen.length > 0) throw mismatch(shards, family, config, found)
  const labels = hasLabels(base.head) ? readLabels(config, headRows(naming, shards.tensors)) : null
  const keys = sortKeys(config, family, base.head)
  const notes = [...shards.notes, note, prefixes.note, ...checked, opened.note, ...(labels?.notes ?? [])]
  return {
    root: folder ? path : shards.directory,
    shards,
    config,
    architecture,
    naming,
    base,
    slots: found.slots,
    labels: labels?.names ?? null,
    unopenedHead: unopened,
    ignored: unused(shards.tensors, found.slots),
    notes: [...notes.filter((each) => each !== null), ...sayUnused(base, naming, shards.tensors, present)],
    reads: fileReads(shards, config, keys.read),
    ignoredKeys: keys.ignored,
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}

/** The encoder with the head that was asked for; or without it, and why. */
function withHead(encoder: Encoder, ask: HeadChoice): Headed {
  const { family, config } = encoder
  const { table, asked, unopened, note } = chooseHead(family, config, ask)
  const required = ask === 'require' || isKind(ask)
  if (required && table === null) throw requiredHead(config, unopened ?? noHead(asked))
  if (ask === 'none')
    return { ...build(encoder, null), unopened: table === null ? unopened : leftOut(asked), note: null }
  if (table === null) {
    return { ...build(encoder, null), unopened, note: note ?? (unopened && noteOf(unopened)) }
  }

  const built = tryBuild(encoder, table)
  const reason = faultOfHead(built)
  // Where the encoder is at fault too, all is said at once.
  if (!(built instanceof TwofourError) && (reason === null || hasOtherFaults(built))) {
    return { ...built, unopened: null, note }
  }
  if (required) {
    throw built instanceof TwofourError ? built : mismatch(encoder.shards, family, config, built.found)
  }
  const left = { asked, reason: reason!, fix: missingFix }
  return { ...build(encoder, null), unopened: left, note: noteOf(left) }
}

const missingFix =
  'Download the whole checkpoint, or train the head first: transformers would begin with random numbers.'

function noHead(asked: string | null): UnopenedHead {
  const reason = asked === null ? 'config.json names no class.' : `${asked} has no head.`
  return {
    asked,
    reason,
    fix: "Name the head's kind, such as 'sequenceClassification' (`head`, --head), if its tensors are there.",
  }
}

function noteOf(unopened: UnopenedHead): string {
  const { asked, reason } = unopened
  return `Opened as an encoder without a head: that of ${asked} was left out, since ${reason}`
}

/** The head's labels may be what is wrong. */
function tryBuild(encoder: Encoder, table: HeadTable): Built | TwofourError {
  try {
    return build(encoder, table)
  } catch (error) {
    if (
      error instanceof TwofourError &&
      ['id2label', 'num_labels'].some((key) => `${error.facts.field}`.startsWith(key))
    )
      return error
    throw error
  }
}

function build({ shards, family, config, sizes, layers, prefixes }: Encoder, head: HeadTable | null): Built {
  const { tensors } = shards
  const naming: Naming = {
    family,
    prefixes: prefixes.encoder,
    headPrefix: prefixes.head,
    head,
    tied: head?.kind === 'maskedLanguage' && isTied(config),
    innerGroups: sizes.innerGroups,
  }
  const base = readSpec(family, config, sizes, layers, head, {
    pooler: hasPooler(naming, tensors),
    headRows: headRows(naming, tensors),
  })
  return { naming, base, found: findSlots(base, naming, tensors) }
}

/** Absent means tied; null does not, as in transformers 4. */
function isTied(config: Config): boolean {
  return config.get('tie_word_embeddings') !== null && config.flag(['tie_word_embeddings', true])
}

/** Why a head cannot be opened, as a sentence; null where it can. */
function faultOfHead(built: Built | TwofourError): string | null {
  if (built instanceof TwofourError) return built.message
  const { found } = built
  const ofHead = isOfHead(built)
  const wrong = sayWrong({ missing: found.missing.filter(ofHead), misshapen: found.misshapen.filter(ofHead) })
  return wrong === '' ? null : `of its tensors ${wrong}.`
}

function hasOtherFaults(built: Built): boolean {
  const ofHead = isOfHead(built)
  return [...built.found.missing, ...built.found.misshapen].some((each) => !ofHead(each))
}

/** Slots of the head, and of the pooler that it reads, where there is none. */
function isOfHead({ found, base }: Built): (each: { slot: Slot }) => boolean {
  const isMissing = (slot: string) => found.missing.some((each) => each.slot === slot)
  const pooled = base.head?.input === 'pooled' && isMissing('pooler.weight') && isMissing('pooler.bias')
  return ({ slot }) => slot.startsWith('head.') || (pooled && slot.startsWith('pooler.'))
}

/** Weight sets of which there is at least the first linear. */
function countLayers(family: Family, prefixes: readonly string[], tensors: Tensors): number {
  const pattern = layerPattern(family, prefixes, 'query')
  const sets = [...tensors.keys()].flatMap((name) => {
    const match = pattern.exec(name)
    return match === null ? [] : [match.slice(1).join('.')]
  })
  return new Set(sets).size
}

function hasPooler(naming: Naming, tensors: Tensors): boolean {
  return tensorNames('pooler.weight', naming).some((name) => tensors.has(name))
}

/** Rows of the head's output weight, where it is there. */
function headRows(naming: Naming, tensors: Tensors): number | undefined {
  const name = tensorNames('head.output.weight', naming).find((candidate) => tensors.has(candidate))
  return name === undefined ? undefined : tensors.get(name)?.shape[0]
}

function unused(tensors: Tensors, slots: ReadonlyMap<Slot, StoredTensor>): string[] {
  const used = new Set([...slots.values()].map(({ name }) => name))
  return [...tensors.keys()].filter((name) => !used.has(name))
}

function sayUnused(
  base: EncoderSpec,
  { head, tied, headPrefix }: Naming,
  tensors: Tensors,
  present: number,
): string[] {
  const notes: string[] = []
  const sets = new Set(base.layers.map(({ weights }) => weights)).size
  if (present > sets)
    notes.push(`The weights hold ${present} layers, and config.json asks for ${sets} of them.`)
  const decoder = `${headPrefix}${head?.output}.weight`
  if (tied && tensors.has(decoder)) {
    notes.push(
      `config.json ties the word embeddings to the head, so ${decoder} is not read (transformers 5 reads it where it differs).`,
    )
  }
  return notes
}

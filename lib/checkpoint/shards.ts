import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TwofourError } from '../errors.js'
import { noWeights } from './no-weights.js'
import { Safetensors } from './safetensors.js'
import type { TensorEntry } from './safetensors-header.js'
import { readShardIndex, type ShardIndex, shardPaths } from './shard-index.js'

/** A tensor and the file that it is in. */
export type ShardTensor = TensorEntry & { readonly in: Safetensors }

/** All tensors of a checkpoint, whatever number of files they are in. */
export type Shards = {
  readonly directory: string
  /** Path of the index; null for a single file. */
  readonly index: string | null
  readonly files: readonly Safetensors[]
  readonly tensors: ReadonlyMap<string, ShardTensor>
  /** Sentences on what lies beside the weights. */
  readonly notes: readonly string[]
}

const single = 'model.safetensors'
const index = 'model.safetensors.index.json'
/** Also of a variant: model.safetensors.index.fp16.json. */
const indexName = /\.safetensors\.index(?:\.\w+)?\.json$/

const adapterNote =
  'An adapter lies beside the weights and is not applied: where it is needed, merge it into them with peft.'

/**
 * Opens a .safetensors file, the shards of an index, or the model.safetensors or the shards of a directory. Reads headers
 * only.
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, CHECKPOINT_INVALID_INDEX, CHECKPOINT_PATH_ESCAPE,
 *   or a SAFETENSORS_ code
 */
export async function openShards(path: string, signal?: AbortSignal): Promise<Shards> {
  const stats = await stat(path).catch(() => undefined)
  if (stats?.isDirectory() !== true) {
    if (!indexName.test(path)) return openSingle(dirname(path), path, signal)
    return openIndexed(dirname(path), await readShardIndex(path, signal), signal)
  }

  const names = await readdir(path).catch((cause: unknown) => {
    const message = `Expected \`${path}\` to be a readable directory, got ${String(cause)}. Check the permissions.`
    throw new TwofourError('FILE_UNREADABLE', message, { file: path }, { cause })
  })
  const notes = names.some((name) => /^adapter_(?:model|config)\./.test(name)) ? [adapterNote] : []
  if (names.includes(single)) return { ...(await openSingle(path, join(path, single), signal)), notes }
  if (!names.includes(index)) throw await noWeights(path, names)
  const map = await readShardIndex(join(path, index), signal)
  return { ...(await openIndexed(path, map, signal)), notes }
}

async function openSingle(directory: string, file: string, signal?: AbortSignal): Promise<Shards> {
  return collect(directory, null, [await open(file, signal)])
}

async function openIndexed(directory: string, map: ShardIndex, signal?: AbortSignal): Promise<Shards> {
  const files: Safetensors[] = []
  for (const path of await shardPaths(directory, map)) files.push(await open(path, signal))

  checkOnce(map, files)
  const shards = collect(directory, map.file, files)
  const lost = [...map.shardOf].filter(
    ([tensor, name]) => shards.tensors.get(tensor)?.in.file !== join(directory, name),
  )
  if (lost.length > 0) {
    const list = sayFirst(lost.map(([tensor, name]) => `${tensor} (${name})`))
    throw wrongIndex(
      map,
      `to name the shard of each tensor, got ${lost.length} that are not there: ${list}`,
      lost,
    )
  }
  return shards
}

function checkOnce(map: ShardIndex, files: readonly Safetensors[]): void {
  const seen = new Set<string>()
  const twice: string[] = []
  for (const { tensors } of files) {
    for (const name of tensors.keys()) seen.has(name) ? twice.push(name) : seen.add(name)
  }
  if (twice.length === 0) return
  throw wrongIndex(
    map,
    `to have each tensor in one shard, got ${twice.length} in several: ${sayFirst(twice)}`,
    twice,
  )
}

function collect(directory: string, index: string | null, files: readonly Safetensors[]): Shards {
  const tensors = new Map<string, ShardTensor>()
  for (const file of files) {
    for (const [name, entry] of file.tensors) tensors.set(name, { ...entry, in: file })
  }
  return { directory, index, files, tensors, notes: [] }
}

function open(file: string, signal: AbortSignal | undefined): Promise<Safetensors> {
  return Safetensors.open(file, signal === undefined ? {} : { signal })
}

/** At most 20 of a list, and how many more there are. */
export function sayFirst(names: readonly string[]): string {
  const rest = names.length - 20
  return names.slice(0, 20).join(', ') + (rest > 0 ? `, and ${rest} more` : '')
}

function wrongIndex(map: ShardIndex, what: string, tensors: unknown): TwofourError {
  const message = `Expected \`${map.file}\` ${what}. Download the checkpoint again.`
  return new TwofourError('CHECKPOINT_INVALID_INDEX', message, { file: map.file, tensors })
}

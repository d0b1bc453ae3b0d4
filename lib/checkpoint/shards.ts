import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TwofourError } from '../errors.js'
import { Safetensors } from './safetensors.js'
import type { TensorEntry } from './safetensors-header.js'
import { readShardIndex, type ShardIndex, shardPaths } from './shard-index.js'

/** A tensor and the file that it is in. */
export type ShardTensor = TensorEntry & { readonly in: Safetensors }

/** All tensors of a checkpoint, whatever number of files they are in. */
export type Shards = {
  readonly directory: string
  readonly files: readonly Safetensors[]
  readonly tensors: ReadonlyMap<string, ShardTensor>
}

const single = 'model.safetensors'
const index = 'model.safetensors.index.json'

/**
 * Opens a .safetensors file, or the model.safetensors or the shards of a directory. Reads headers only.
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, CHECKPOINT_INVALID_INDEX, CHECKPOINT_PATH_ESCAPE,
 *   or a SAFETENSORS_ code
 */
export async function openShards(path: string, signal?: AbortSignal): Promise<Shards> {
  const stats = await stat(path).catch(() => undefined)
  if (stats?.isDirectory() !== true) return openSingle(dirname(path), path, signal)

  const names = await readdir(path).catch((cause: unknown) => {
    const message = `Expected \`${path}\` to be a readable directory, got ${String(cause)}. Check the permissions.`
    throw new TwofourError('FILE_UNREADABLE', message, { file: path }, { cause })
  })
  if (names.includes(single)) return openSingle(path, join(path, single), signal)
  if (names.includes(index)) return openIndexed(path, await readShardIndex(join(path, index), signal), signal)
  throw noWeights(path, names)
}

async function openSingle(directory: string, file: string, signal?: AbortSignal): Promise<Shards> {
  return collect(directory, [await open(file, signal)])
}

async function openIndexed(directory: string, map: ShardIndex, signal?: AbortSignal): Promise<Shards> {
  const files: Safetensors[] = []
  for (const path of await shardPaths(directory, map)) files.push(await open(path, signal))

  checkOnce(map, files)
  const shards = collect(directory, files)
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

function collect(directory: string, files: readonly Safetensors[]): Shards {
  const tensors = new Map<string, ShardTensor>()
  for (const file of files) {
    for (const [name, entry] of file.tensors) tensors.set(name, { ...entry, in: file })
  }
  return { directory, files, tensors }
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

function noWeights(directory: string, names: readonly string[]): TwofourError {
  const other = names.find((name) => /\.(?:safetensors|bin|pt|pth|h5|onnx|gguf)$/.test(name))
  const got = other === undefined ? 'neither' : `${other} only`
  const fix = other?.endsWith('.safetensors')
    ? `Pass that file's path.`
    : 'Download or save the model as safetensors (`save_pretrained` of transformers does).'
  const message = `Expected \`${directory}\` to hold ${single} or ${index}, got ${got}. ${fix}`
  return new TwofourError('FILE_NOT_FOUND', message, {
    file: join(directory, single),
    directory,
    found: other,
  })
}

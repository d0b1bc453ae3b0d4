import { realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { describe, expected } from '../check.js'
import { TwofourError } from '../errors.js'
import { isJsonObject } from '../json-file.js'
import { readStrictJson } from './json.js'

const role = { code: 'CHECKPOINT_INVALID_INDEX', maxBytes: 64 << 20 } as const
const maxShards = 4096

/** `weight_map` of model.safetensors.index.json: tensor → plain name of a file beside the index. */
export type ShardIndex = { readonly file: string; readonly shardOf: ReadonlyMap<string, string> }

/**
 * Reads an index and checks its names; no shard is looked at.
 * @throws TwofourError CHECKPOINT_INVALID_INDEX, CHECKPOINT_PATH_ESCAPE, FILE_NOT_FOUND, FILE_UNREADABLE
 */
export async function readShardIndex(file: string, signal?: AbortSignal): Promise<ShardIndex> {
  const { weight_map: map } = await readStrictJson(file, role, signal)
  if (!isJsonObject(map)) throw invalid(file, 'weight_map', 'an object of file names', map)

  const shardOf = new Map<string, string>()
  for (const [tensor, name] of Object.entries(map)) {
    if (typeof name !== 'string' || name === '') {
      throw invalid(file, `weight_map[${describe(tensor)}]`, 'a file name', name)
    }
    if (!isPlain(name)) throw pathEscape(file, tensor, name, 'a plain name')
    shardOf.set(tensor, name)
  }
  const shards = new Set(shardOf.values()).size
  if (shards === 0) throw invalid(file, 'weight_map', 'an object of at least one tensor', map)
  if (shards > maxShards) throw invalid(file, 'weight_map', `of at most ${maxShards} files`, shards)
  return { file, shardOf }
}

/**
 * The shards' paths. A symbolic link may lead anywhere inside the directory, but not out of it.
 * @throws TwofourError CHECKPOINT_PATH_ESCAPE, CHECKPOINT_INVALID_INDEX
 */
export async function shardPaths(directory: string, index: ShardIndex): Promise<string[]> {
  const home = await realpath(directory)
  const firstTensor = new Map([...index.shardOf].toReversed().map(([tensor, name]) => [name, tensor]))

  const paths: string[] = []
  for (const name of new Set(index.shardOf.values())) {
    const path = join(directory, name)
    const target = await realpath(path).catch(() => undefined)
    if (target === undefined) {
      throw invalid(index.file, `weight_map[${describe(firstTensor.get(name))}]`, 'a file beside it', name)
    }
    if (isOutside(home, target)) {
      throw pathEscape(
        index.file,
        firstTensor.get(name) ?? '',
        name,
        'a file, not a link that leads elsewhere',
      )
    }
    paths.push(path)
  }
  return paths
}

function isPlain(name: string): boolean {
  return !/[/\\\0]/.test(name) && name !== '.' && name !== '..'
}

function isOutside(home: string, target: string): boolean {
  const way = relative(home, target)
  return way === '..' || way.startsWith(`..${sep}`)
}

/** To throw. */
export function invalid(file: string, what: string, wanted: string, got: unknown): TwofourError {
  const message = expected(`${what}\` in \`${file}`, wanted, got)
  return new TwofourError('CHECKPOINT_INVALID_INDEX', message, { file, field: what, got })
}

function pathEscape(file: string, tensor: string, name: string, wanted: string): TwofourError {
  const what = `weight_map[${describe(tensor)}]\` in \`${file}`
  const fix = 'Put the shard itself into the directory of the index.'
  const message = expected(what, `${wanted} in the directory of the index`, name, fix)
  return new TwofourError('CHECKPOINT_PATH_ESCAPE', message, { file, tensor, name })
}

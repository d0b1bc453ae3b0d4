import { dirname, join } from 'node:path'
import { describe, expected } from '../check.js'
import { TwofourError } from '../errors.js'
import { isJsonObject } from '../json-file.js'
import { isPlainPath, placeOf, sayDangling } from '../links.js'
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
    if (!isPlain(name)) throw pathEscape(file, tensor, name)
    shardOf.set(tensor, name)
  }
  const shards = new Set(shardOf.values()).size
  if (shards === 0) throw invalid(file, 'weight_map', 'an object of at least one tensor', map)
  if (shards > maxShards) throw invalid(file, 'weight_map', `of at most ${maxShards} files`, shards)
  return { file, shardOf }
}

/**
 * The shards' paths. A link may lead anywhere inside the folder or its hub cache, but not out of them.
 * @throws TwofourError CHECKPOINT_PATH_ESCAPE, CHECKPOINT_INVALID_INDEX; FILE_NOT_FOUND for a link to a missing file
 */
export async function shardPaths(directory: string, index: ShardIndex): Promise<string[]> {
  const firstTensor = new Map([...index.shardOf].toReversed().map(([tensor, name]) => [name, tensor]))

  const paths: string[] = []
  for (const [name, tensor] of firstTensor) {
    const place = await placeOf(directory, name)
    if (place.kind === 'missing') throw await missingShard(directory, index.file, tensor, name)
    if (place.kind === 'outside') throw pathEscape(index.file, tensor, name, place.target)
    paths.push(join(directory, name))
  }
  return paths
}

function isPlain(name: string): boolean {
  return isPlainPath(name) && !name.includes('/') && name !== '.'
}

async function missingShard(directory: string, file: string, tensor: string, name: string): Promise<Error> {
  const dangling = await sayDangling(join(directory, name))
  if (dangling !== undefined)
    return new TwofourError('FILE_NOT_FOUND', dangling, { file: join(directory, name) })
  const fix = 'The download is incomplete: run it again.'
  return invalid(file, `weight_map[${describe(tensor)}]`, 'a file beside it', name, fix)
}

/** To throw. */
function invalid(file: string, what: string, wanted: string, got: unknown, fix?: string): TwofourError {
  const message = expected(`${what}\` in \`${file}`, wanted, got, fix)
  return new TwofourError('CHECKPOINT_INVALID_INDEX', message, { file, field: what, got })
}

/** @param target of a link that leads elsewhere; absent for a name that is not plain */
function pathEscape(file: string, tensor: string, name: string, target?: string): TwofourError {
  const what = `weight_map[${describe(tensor)}]\` in \`${file}`
  const [wanted, got, fix] =
    target === undefined
      ? ['a plain name', name, 'An index may name files of its own folder alone.']
      : ['a file, not a link that leads elsewhere', target, `Put ${name} itself into ${dirname(file)}.`]
  const message = expected(what, `${wanted} in the directory of the index`, got, fix)
  return new TwofourError('CHECKPOINT_PATH_ESCAPE', message, { file, tensor, name })
}

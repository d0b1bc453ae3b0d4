import { lstat, readlink, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'

/** Where a file of a model's folder really is, links followed. */
export type Place =
  | { readonly kind: 'inside' | 'outside'; readonly target: string }
  /** Nothing there; `link` is what a dangling link points to. */
  | { readonly kind: 'missing'; readonly link: string | null }

/**
 * Follows the links of a file in a model's folder. `inside` is the folder itself and, for a snapshot of a Hugging Face
 * cache (`models--ORG--NAME/snapshots/REVISION`), that model's `blobs` and `snapshots`. A folder that is no snapshot may
 * have links into the blobs of a cache, which `--local-dir` of older download tools made.
 */
export async function placeOf(directory: string, file: string): Promise<Place> {
  const path = join(directory, file)
  const target = await realpath(path).catch(() => undefined)
  if (target === undefined) return { kind: 'missing', link: await linkOf(path) }
  const homes = await homesOf(directory)
  const inside = homes.some((home) => isInside(home, target))
  return { kind: inside || (homes.length === 1 && isBlob(target)) ? 'inside' : 'outside', target }
}

/** A sentence for a link whose target is missing, as an interrupted download leaves it; undefined for anything else. */
export async function sayDangling(file: string): Promise<string | undefined> {
  const link = await linkOf(file)
  if (link === null || (await lstat(link).catch(() => undefined)) !== undefined) return undefined
  return `Expected \`${file}\` to be a whole download, got a link to ${link}, which is missing. The download is incomplete: run it again.`
}

/** Whether a path out of a model's file stays inside the folder: plain names with `/` between them. */
export function isPlainPath(path: string): boolean {
  return !/[\\\0]|^\/|^[A-Za-z]:/.test(path) && !path.split('/').includes('..')
}

/** The folder, and those of its cache. */
async function homesOf(directory: string): Promise<string[]> {
  const home = await realpath(directory)
  // The folder may be a link to a snapshot, or a snapshot whose path has links.
  const model = [home, resolve(directory)].map(modelOf).find((each) => each !== null)
  if (model === undefined || model === null) return [home]
  const parts = ['blobs', 'snapshots'].map((name) => join(model, name))
  return [home, ...(await Promise.all(parts.map((part) => realpath(part).catch(() => part))))]
}

/** `models--ORG--NAME` of a snapshot or of a folder in one, or null. */
function modelOf(directory: string): string | null {
  const parent = dirname(directory)
  if (parent === directory) return null
  return basename(parent) === 'snapshots' ? dirname(parent) : modelOf(parent)
}

function isInside(home: string, target: string): boolean {
  const way = relative(home, target)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

function isBlob(target: string): boolean {
  return /[/\\]models--[^/\\]+[/\\]blobs[/\\][0-9a-f]{40,64}$/.test(target)
}

/** What a link leads to, through other links, as an absolute path; null where the path is no link. */
async function linkOf(path: string): Promise<string | null> {
  let at = path
  for (let steps = 0; steps < 40; steps++) {
    const next = await readlink(at).catch(() => null)
    if (next === null) return at === path ? null : at
    at = resolve(dirname(at), next)
  }
  return at
}

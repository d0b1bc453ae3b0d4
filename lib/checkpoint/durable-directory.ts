import { access, constants, mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { checkSignal, checkString } from '../check.js'
import { errno, makeDirectory, statOrMissing, sync, unwritable, writing } from './sync.js'
import { discard, isTemporary, protect, release, removeStale, temporaryPath } from './temporaries.js'

export type DurableDirectoryOptions = {
  /** Allows a directory with files: those of the same name are replaced, others stay. @default false */
  readonly overwrite?: boolean | undefined
  /** Old files (as paths inside the directory) to remove when overwriting, for they belong to what is replaced. */
  readonly obsolete?: ((file: string) => boolean) | undefined
  /** The file that says that all the rest is there. @default 'config.json' */
  readonly entry?: string | undefined
  readonly signal?: AbortSignal | undefined
}

type Settings = {
  readonly overwrite: boolean
  readonly obsolete: (file: string) => boolean
  readonly entry: string
}

type Target = {
  readonly directory: string
  /** Where the temporary directory goes. */
  readonly room: string
  /** One rename of the whole directory does it; else file by file. */
  readonly whole: boolean
}

/**
 * Publishes a directory: `fill` fills a temporary sibling, which is synced and renamed to `directory` in one step
 * where that is missing or empty. A directory with files is refused without `overwrite`; with it the files are
 * renamed one by one, and in between the directory has no `entry`, so that it is refused rather than read as
 * a mixture. An empty directory that cannot be replaced (a mount point, the working directory) is filled likewise.
 * @param fill gets the path of an empty directory; what it throws passes through
 * @throws TwofourError FILE_UNWRITABLE
 */
export async function withTemporaryDirectory(
  directory: string,
  fill: (temporaryDirectory: string) => Promise<void>,
  options: DurableDirectoryOptions = {},
): Promise<void> {
  const { overwrite = false, obsolete = () => false, entry = 'config.json' } = options
  const signal = checkSignal(options.signal)
  checkString('directory', directory)
  const target = await writing(directory, () => findTarget(resolve(directory), overwrite))
  const temporary = temporaryPath(target.room, target.directory)

  await writing(directory, () => prepare(target))
  protect(temporary)
  try {
    await writing(directory, () => mkdir(temporary))
    await fill(temporary)
    await writing(directory, () => syncTree(temporary))
    signal?.throwIfAborted()
    await writing(directory, () => publish(temporary, target, { overwrite, obsolete, entry }))
  } finally {
    await discard(temporary)
  }
}

async function findTarget(directory: string, overwrite: boolean): Promise<Target> {
  const stats = await statOrMissing(directory)
  if (stats === undefined) return { directory, room: dirname(directory), whole: true }
  if (!stats.isDirectory()) throw unwritable(directory, 'a directory, got a file. Choose another path.')

  const real = await realpath(directory)
  const full = await hasFiles(real)
  if (full && !overwrite) throw refuseFull(directory)
  const replaceable = await isReplaceable(real, stats.dev)
  return { directory: real, room: replaceable ? dirname(real) : real, whole: replaceable && !full }
}

async function isReplaceable(directory: string, device: number): Promise<boolean> {
  const parent = dirname(directory)
  if (directory === process.cwd() || (await stat(parent)).dev !== device) return false
  return access(parent, constants.W_OK).then(
    () => true,
    () => false,
  )
}

async function prepare({ room, directory }: Target): Promise<void> {
  await makeDirectory(room)
  await removeStale(room, directory)
}

async function publish(
  temporary: string,
  { directory, room, whole }: Target,
  { overwrite, obsolete, entry }: Settings,
): Promise<void> {
  const full = await hasFiles(directory)
  if (full && !overwrite) throw refuseFull(directory)
  if (whole && !full) {
    await rename(temporary, directory)
    release(temporary)
    await sync(room)
  } else {
    await moveFiles(temporary, directory, { obsolete, entry })
  }
}

/** Weights first, JSON after them, config.json last: what a reader opens first says that all the rest is there. */
async function moveFiles(
  from: string,
  to: string,
  { obsolete, entry }: Omit<Settings, 'overwrite'>,
): Promise<void> {
  const rank = (file: string) => (file === entry ? 2 : file.endsWith('.json') ? 1 : 0)
  const files = (await listFiles(from)).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  const old = (await listFiles(to)).filter((file) => obsolete(file) && !files.includes(file))
  if (files.includes(entry)) old.unshift(entry)
  for (const file of old) await rm(join(to, file), { force: true })
  await sync(to)

  for (const file of files) {
    await makeDirectory(dirname(join(to, file)))
    await rename(join(from, file), join(to, file))
    await sync(dirname(join(to, file)))
  }
}

/** Files below a directory, as paths inside it; temporary ones of twofour left out. */
async function listFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => !entry.isDirectory())
  return files
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((file) => !isTemporary(file.split('/')[0] ?? '', directory))
}

async function hasFiles(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (errno(error) === 'ENOENT') return []
    throw error
  })
  return names.some((name) => !isTemporary(name, directory))
}

async function syncTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) await syncTree(path)
    else if (entry.isFile()) await sync(path)
  }
  await sync(directory)
}

function refuseFull(directory: string): Error {
  const fix = 'Choose an empty folder, or pass `overwrite` to replace the files of the same name.'
  return unwritable(directory, `a new or empty folder, got ${basename(directory)} with files in it. ${fix}`)
}

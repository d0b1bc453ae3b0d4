import type { Stats } from 'node:fs'
import { mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TwofourError } from '../errors.js'

/** Makes what was written to a file, or the names in a directory, survive a power cut. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } catch (error) {
    // Some network file systems cannot sync a directory.
    if (errno(error) !== 'EINVAL' && errno(error) !== 'ENOTSUP') throw error
  } finally {
    await handle.close()
  }
}

/** Creates a directory with its parents, durably. */
export async function makeDirectory(directory: string): Promise<void> {
  // Not `recursive`: where a parent cannot hold directories, as in /proc, Node's own loop never ends.
  if (await isDirectory(directory)) return
  await makeDirectory(dirname(directory))
  await mkdir(directory).catch(async (error: unknown) => {
    if (!(await isDirectory(directory))) throw error
  })
  await sync(dirname(directory))
}

async function isDirectory(path: string): Promise<boolean> {
  const stats = await statOrMissing(path)
  return stats?.isDirectory() ?? false
}

/** Undefined where nothing is there. */
export async function statOrMissing(path: string): Promise<Stats | undefined> {
  return stat(path).catch((error: unknown) => {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  })
}

/** Runs a step of writing; failures of the file system become FILE_UNWRITABLE. */
export async function writing<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    if (errno(cause) === undefined || !(cause instanceof Error)) throw cause
    throw unwritable(path, `writable, got ${cause.message}. ${advice(errno(cause))}`, cause)
  }
}

export function unwritable(path: string, rest: string, cause?: unknown): TwofourError {
  const facts = cause === undefined ? { path } : { path, errno: errno(cause) }
  return new TwofourError('FILE_UNWRITABLE', `Expected \`${path}\` to be ${rest}`, facts, { cause })
}

export function errno(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

function advice(code: string | undefined): string {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'Free some space, or choose another disk.'
  if (code === 'EACCES' || code === 'EPERM') return 'Check the permissions of its folder.'
  if (code === 'EROFS') return 'The disk is read-only: choose another.'
  return 'Choose another path.'
}

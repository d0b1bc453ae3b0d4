import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { TwofourError } from '../errors.js'
import { sayDangling } from '../links.js'

/** One `read` of Node takes no more than 2^31 − 1 bytes. */
const chunkBytes = 1 << 26

/** Opens a regular file for one use. @throws TwofourError FILE_NOT_FOUND or FILE_UNREADABLE */
export async function withFile<T>(
  file: string,
  use: (handle: FileHandle, stats: Stats) => Promise<T>,
): Promise<T> {
  // O_NONBLOCK: opening a named pipe would else wait for a writer, for ever.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(async (error: unknown) => {
    throw (await brokenLink(file, error)) ?? readFailure(file, error)
  })
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw notAFile(file, stats)
    return await use(handle, stats)
  } finally {
    await handle.close()
  }
}

/**
 * A range of bytes, read into memory of its own.
 * @throws TwofourError FILE_CHANGED where the file ends before it, FILE_UNREADABLE, OUT_OF_MEMORY; `signal.reason`
 */
export async function readRange(
  handle: FileHandle,
  file: string,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const bytes = allocate(length, file)
  for (let done = 0; done < length; ) {
    signal?.throwIfAborted()
    const { bytesRead } = await handle
      .read(bytes, done, Math.min(chunkBytes, length - done), offset + done)
      .catch((error: unknown) => Promise.reject(readFailure(file, error)))
    if (bytesRead === 0) throw changed(file)
    done += bytesRead
  }
  return bytes
}

function allocate(length: number, file: string): Uint8Array {
  try {
    return new Uint8Array(length)
  } catch (cause) {
    const message = `Expected memory for ${length} bytes of ${file}, got none.`
    throw new TwofourError('OUT_OF_MEMORY', message, { file, bytes: length }, { cause })
  }
}

function notAFile(file: string, stats: Stats): TwofourError {
  const [got, fix] = stats.isDirectory()
    ? ['a directory', ' Pass the .safetensors file in it, or open it with `Checkpoint.open`.']
    : ['a device, pipe or socket', '']
  return new TwofourError('FILE_UNREADABLE', `Expected \`${file}\` to be a file, got ${got}.${fix}`, { file })
}

/** FILE_NOT_FOUND, to throw, where the path is a link to a file that is missing. */
async function brokenLink(file: string, cause: unknown): Promise<TwofourError | undefined> {
  const message = await sayDangling(file)
  return message === undefined ? undefined : new TwofourError('FILE_NOT_FOUND', message, { file }, { cause })
}

function readFailure(file: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('code' in cause) || !('syscall' in cause)) return cause
  const missing = cause.code === 'ENOENT' || cause.code === 'ENOTDIR'
  const [code, got] = missing
    ? (['FILE_NOT_FOUND', 'no such file'] as const)
    : (['FILE_UNREADABLE', cause.message] as const)
  const fix = missing ? 'Check the path.' : 'Check the permissions and the disk.'
  return new TwofourError(
    code,
    `Expected \`${file}\` to be readable, got ${got}. ${fix}`,
    { file, errno: cause.code },
    { cause },
  )
}

/** FILE_CHANGED, to throw. */
export function changed(file: string): TwofourError {
  const message = `Expected \`${file}\` to be the file that was opened, got one changed since. Open it again.`
  return new TwofourError('FILE_CHANGED', message, { file })
}

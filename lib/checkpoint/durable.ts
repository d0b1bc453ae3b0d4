import { open, rename, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { checkSignal, checkString, expected } from '../check.js'
import { makeDirectory, sync, unwritable, writing } from './sync.js'
import { discard, protect, release, removeStale, temporaryPath } from './temporaries.js'

export { withTemporaryDirectory } from './durable-directory.js'

export type DurableOptions = {
  /** Rejects with its reason, and leaves what was at the path as it was. */
  readonly signal?: AbortSignal | undefined
}

/** One write takes no more than this, so that a signal is looked at in between. */
const chunkBytes = 1 << 26

/**
 * Publishes a file in one step: `write` fills a temporary one in the same directory, which is then synced and
 * renamed. Readers see the old file or the new one, never a part, also after a power cut. Missing parent
 * directories are created; the mode follows the umask; a symbolic link is replaced, not written through.
 * @param write gets the path of an empty file; what it throws passes through
 * @throws TwofourError FILE_UNWRITABLE
 */
export async function withTemporary(
  path: string,
  write: (temporaryPath: string) => Promise<void>,
  options: DurableOptions = {},
): Promise<void> {
  const signal = checkSignal(options.signal)
  const target = resolve(checkString('path', path))
  const directory = dirname(target)
  const temporary = temporaryPath(directory, target)

  await writing(path, () => prepare(target, directory))
  protect(temporary)
  try {
    await writing(path, () => createEmpty(temporary))
    await write(temporary)
    await writing(path, () => sync(temporary))
    signal?.throwIfAborted()
    await writing(path, () => rename(temporary, target))
    release(temporary)
    await writing(path, () => sync(directory))
  } finally {
    await discard(temporary)
  }
}

/** Publishes bytes as a file, as `withTemporary` does. @throws TwofourError FILE_UNWRITABLE */
export async function writeFileDurably(
  path: string,
  bytes: Uint8Array | string,
  options: DurableOptions = {},
): Promise<void> {
  const piece = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  await writePiecesDurably(path, [piece], options)
}

/** Publishes byte arrays, one after another, as a file. @throws TypeError where one changed its length meanwhile */
export async function writePiecesDurably(
  path: string,
  pieces: readonly Uint8Array[],
  options: DurableOptions = {},
): Promise<void> {
  const length = totalLength(pieces)
  const write = async (temporary: string) => {
    const written = await writePieces(temporary, pieces, options.signal)
    if (written !== length) throw new TypeError(expected('the arrays', `${length} bytes throughout`, written))
  }
  await withTemporary(path, (temporary) => writing(path, () => write(temporary)), options)
}

async function writePieces(
  temporary: string,
  pieces: readonly Uint8Array[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const handle = await open(temporary, 'w')
  let written = 0
  try {
    for (const piece of pieces) {
      for (let done = 0; done < piece.length; ) {
        signal?.throwIfAborted()
        done += (await handle.write(piece, done, Math.min(chunkBytes, piece.length - done))).bytesWritten
      }
      written += piece.length
    }
  } finally {
    await handle.close()
  }
  return written
}

function totalLength(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

async function prepare(target: string, directory: string): Promise<void> {
  const stats = await stat(target).catch(() => undefined)
  if (stats?.isDirectory()) throw unwritable(target, 'a file, got a directory. Choose another path.')
  await makeDirectory(directory)
  await removeStale(directory, target)
}

async function createEmpty(path: string): Promise<void> {
  const handle = await open(path, 'wx', 0o666)
  await handle.close()
}

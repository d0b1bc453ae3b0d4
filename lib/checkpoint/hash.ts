import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { changed, readRange, withFile } from './file-range.js'
import type { Safetensors } from './safetensors.js'
import type { StoredTensor } from './stored.js'

const chunkBytes = 1 << 20

/**
 * SHA-256 (hex) over each tensor's name, dtype, shape and bytes, in the order of their names: the same for every
 * way of sharding, and for whatever else is in the files.
 * @throws TwofourError FILE_CHANGED, FILE_NOT_FOUND, FILE_UNREADABLE; `signal.reason`
 */
export async function hashTensors(
  tensors: Iterable<StoredTensor>,
  files: readonly Safetensors[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const byName = new Map([...tensors].map((tensor) => [tensor.name, tensor]))
  const names = [...byName.keys()].sort()
  const hash = createHash('sha256')
  for (const name of names) await hashTensor(hash, byName.get(name)!, signal)
  // A file that changed before or while it was read is another checkpoint.
  await checkUnchanged(files)
  return hash.digest('hex')
}

/** @throws TwofourError FILE_CHANGED, FILE_NOT_FOUND, FILE_UNREADABLE */
export async function checkUnchanged(files: readonly Safetensors[]): Promise<void> {
  for (const file of files) await file.checkUnchanged()
}

async function hashTensor(hash: Hash, tensor: StoredTensor, signal: AbortSignal | undefined): Promise<void> {
  const { name, dtype, shape, file, fileSize } = tensor
  hash.update(`${JSON.stringify([name, dtype, shape])}\n`)
  await withFile(file, async (handle, { size }) => {
    if (size !== fileSize) throw changed(file)
    await hashRange(hash, handle, tensor, signal)
  })
}

async function hashRange(
  hash: Hash,
  handle: FileHandle,
  { file, begin, end }: StoredTensor,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let at = begin; at < end; at += chunkBytes) {
    signal?.throwIfAborted()
    hash.update(await readRange(handle, file, at, Math.min(chunkBytes, end - at), signal))
  }
}

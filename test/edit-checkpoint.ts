import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Safetensors } from '../lib/checkpoint/safetensors.js'
import { saveSafetensors, type TensorArray } from '../lib/checkpoint/safetensors-write.js'
import { temporaryDirectory } from './temporary-directory.js'

/** Lays fields over a folder's config.json; those that are undefined go. */
export async function editConfig(directory: string, fields: Record<string, unknown>): Promise<void> {
  const file = join(directory, 'config.json')
  const config = JSON.parse(await readFile(file, 'utf8'))
  await writeFile(file, JSON.stringify({ ...config, ...fields }))
}

/** Every tensor of a folder's model.safetensors. */
export async function tensorsOf(directory: string): Promise<TensorArray[]> {
  const file = await Safetensors.open(join(directory, 'model.safetensors'))
  return Promise.all(
    [...file.tensors].map(async ([name, { dtype, shape }]) => ({
      name,
      dtype,
      shape,
      data: await file.read(name),
    })),
  )
}

export async function tensorOf(directory: string, name: string): Promise<Uint8Array> {
  return (await Safetensors.open(join(directory, 'model.safetensors'))).read(name)
}

export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** Writes model.safetensors again, each tensor as `edit` has it; null leaves it out. */
export async function editTensors(
  directory: string,
  edit: (tensor: TensorArray) => TensorArray | null,
  more: readonly TensorArray[] = [],
): Promise<void> {
  const edited = (await tensorsOf(directory)).map(edit).filter((tensor) => tensor !== null)
  await saveSafetensors(join(directory, 'model.safetensors'), [...edited, ...more])
}

export function renameTensors(directory: string, name: (old: string) => string): Promise<void> {
  return editTensors(directory, (tensor) => ({ ...tensor, name: name(tensor.name) }))
}

export function addTensors(directory: string, more: readonly TensorArray[]): Promise<void> {
  return editTensors(directory, (tensor) => tensor, more)
}

export const revision = 'c'.repeat(40)

/**
 * Moves a model's files into a hub's cache: blobs, and a snapshot of links to them.
 * @returns the cache's folder of the model, and the snapshot
 */
export async function intoHubCache(
  directory: string,
): Promise<{ model: string; snapshot: string; blobs: string }> {
  const model = join(temporaryDirectory('hub'), 'models--org--name')
  const snapshot = join(model, 'snapshots', revision)
  const blobs = join(model, 'blobs')
  await mkdir(blobs, { recursive: true })
  let blob = 0
  const move = async (folder: string, up: string): Promise<void> => {
    await mkdir(join(snapshot, folder), { recursive: true })
    for (const entry of await readdir(join(directory, folder), { withFileTypes: true })) {
      const file = join(folder, entry.name)
      if (entry.isDirectory()) {
        await move(file, `../${up}`)
        continue
      }
      const name = (blob++).toString(16).padStart(40, 'b')
      await rename(join(directory, file), join(blobs, name))
      await symlink(`${up}blobs/${name}`, join(snapshot, file))
    }
  }
  await move('', '../../')
  return { model, snapshot, blobs }
}

import { checkKeys, describe, expected } from '../check.js'
import { writePiecesDurably } from './durable.js'
import { layoutSafetensors, type TensorLabel } from './safetensors-layout.js'

/** A tensor in memory: its elements in row-major order, little-endian, in any array type of the right length. */
export type TensorArray = TensorLabel & { readonly data: ArrayBufferView }

export type SaveSafetensorsOptions = {
  /** Strings for `__metadata__`. @default { format: 'pt' } */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Rejects with its reason, and leaves the path as it was. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Saves arrays as a safetensors file, durably and in one step. The arrays must not change until it is done.
 * @throws RangeError when an array's bytes are not shape × dtype, or for what the format cannot say;
 *   TwofourError FILE_UNWRITABLE
 */
export async function saveSafetensors(
  path: string,
  tensors: Iterable<TensorArray>,
  options: SaveSafetensorsOptions = {},
): Promise<void> {
  checkKeys('options', options, ['metadata', 'signal'])
  const { metadata, signal } = options
  const list = [...tensors]
  const { header, entries } = layoutSafetensors(list, metadata)
  const arrays = new Map(list.map(({ name, data }) => [name, toBytes(name, data)]))

  const pieces = [header]
  for (const { name, begin, end } of entries) {
    const bytes = arrays.get(name)!
    if (bytes.length !== end - begin) {
      throw new RangeError(expected(`data of ${describe(name)}`, `${end - begin} bytes long`, bytes.length))
    }
    pieces.push(bytes)
  }
  await writePiecesDurably(path, pieces, { signal })
}

function toBytes(name: string, data: ArrayBufferView): Uint8Array {
  if (!ArrayBuffer.isView(data))
    throw new TypeError(expected(`data of ${describe(name)}`, 'a typed array', data))
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

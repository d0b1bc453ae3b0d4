import { checkInteger, checkOneOf, describe, expected } from '../check.js'
import { type Dtype, dtypeBits, dtypes, tensorBits } from './dtypes.js'
import { maxEntries, maxHeaderBytes, maxNameBytes, maxRank } from './header-limits.js'
import { lengthBytes, type TensorEntry } from './safetensors-header.js'
import { isWellFormed } from './well-formed.js'

/** What a tensor to be written is: a name, a dtype, a shape. */
export type TensorLabel = { readonly name: string; readonly dtype: Dtype; readonly shape: readonly number[] }

/** A tensor with its range in the data section. */
export type PlacedTensor = TensorEntry & { readonly name: string }

export type Layout = {
  /** The first bytes of the file: the length, then the JSON, padded with spaces to a multiple of 8 in all. */
  readonly header: Uint8Array
  /** In the order of their data, without gaps. */
  readonly entries: readonly PlacedTensor[]
}

/** Other tools load a file only where it says this. */
export const defaultMetadata: Readonly<Record<string, string>> = { format: 'pt' }

/**
 * Where each tensor goes in a file, and the file's header. Wide dtypes first, then by name in the order of code
 * points, so that every tensor is aligned to its elements and equal input gives equal bytes.
 * @throws TypeError, RangeError for what the format cannot say: a name twice, `__metadata__` as a name, lone
 *   surrogates, part bytes, or more than the reader's limits
 */
export function layoutSafetensors(
  tensors: Iterable<TensorLabel>,
  metadata: Readonly<Record<string, string>> = defaultMetadata,
): Layout {
  const checked = new Map<string, TensorLabel & { bytes: number }>()
  for (const tensor of tensors) {
    if (checked.has(tensor.name)) throw new RangeError(expected('tensors', 'of different names', tensor.name))
    checked.set(tensor.name, { ...tensor, bytes: checkTensor(tensor) })
  }
  checkInteger('tensors.length', checked.size, 0, maxEntries)

  const entries: PlacedTensor[] = []
  let end = 0
  for (const { name, dtype, shape, bytes } of [...checked.values()].sort(order)) {
    entries.push({ name, dtype, shape: [...shape], begin: end, end: end + bytes })
    end = checkInteger('total bytes', end + bytes)
  }
  return { header: frame(writeJson(entries, metadata)), entries }
}

/** Returns the tensor's bytes. */
function checkTensor({ name, dtype, shape }: TensorLabel): number {
  const what = `tensor ${describe(name)}`
  checkText('name', name)
  if (name === '__metadata__') throw new RangeError(expected('name', 'other than the reserved one', name))
  checkInteger(`bytes of the name of ${what}`, Buffer.byteLength(name), 0, maxNameBytes)
  checkOneOf(`dtype of ${what}`, dtype, dtypes)
  checkInteger(`dimensions of ${what}`, shape.length, 0, maxRank)
  for (const size of shape) checkInteger(`shape of ${what}`, size)

  const bits = tensorBits(dtype, shape)
  if (bits === undefined || bits / 8n > Number.MAX_SAFE_INTEGER) {
    throw new RangeError(expected(`shape of ${what}`, 'a tensor of fewer than 2^53 bytes', shape))
  }
  if (bits % 8n !== 0n) throw new RangeError(expected(`shape of ${what}`, `whole bytes of ${dtype}`, shape))
  return Number(bits / 8n)
}

function order(a: TensorLabel, b: TensorLabel): number {
  return dtypeBits[b.dtype] - dtypeBits[a.dtype] || compareCodePoints(a.name, b.name)
}

/** UTF-8 keeps the order of code points; UTF-16, which `<` compares, does not. */
function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** By hand, because an object would lose the names `__proto__` and put those of digits first. */
function writeJson(entries: readonly PlacedTensor[], metadata: Readonly<Record<string, string>>): string {
  const pairs = entries.map(({ name, dtype, shape, begin, end }) =>
    writePair(name, { dtype, shape, data_offsets: [begin, end] }),
  )
  const texts = Object.entries(metadata)
  if (texts.length > 0) pairs.unshift(`"__metadata__":{${texts.map(writeText).join(',')}}`)
  return `{${pairs.join(',')}}`
}

function writeText([key, value]: [string, string]): string {
  return writePair(checkText('metadata key', key), checkText(`metadata ${describe(key)}`, value))
}

function writePair(key: string, value: unknown): string {
  return `${JSON.stringify(key)}:${JSON.stringify(value)}`
}

function checkText(what: string, text: string): string {
  if (typeof text !== 'string' || !isWellFormed(text)) {
    throw new TypeError(expected(what, 'a string without lone surrogates', text))
  }
  return text
}

function frame(json: string): Uint8Array {
  const bytes = Buffer.byteLength(json)
  const padded = Math.ceil(bytes / 8) * 8
  checkInteger('header bytes', padded, 0, maxHeaderBytes)
  const header = new Uint8Array(lengthBytes + padded).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true)
  header.set(Buffer.from(json), lengthBytes)
  return header
}

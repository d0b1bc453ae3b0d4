import type { Dtype } from './dtypes.js'
import { checkRecords, sayShape } from './header-check.js'
import { readHeaderJson } from './header-json.js'
import { maxHeaderBytes } from './header-limits.js'
import type { HeaderRecord } from './header-reader.js'
import { refusal } from './header-refusal.js'
import type { Whole } from './whole.js'

/** One tensor of a file. `begin` and `end` are bytes from the start of the data section, which follows the header. */
export type TensorEntry = {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

export type Header = {
  /** In the order of the header, which need not be that of the ranges. */
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: ReadonlyMap<string, string>
}

/** Bytes of the length that every file starts with. */
export const lengthBytes = 8

/**
 * The length of the header, from the first bytes of a file.
 * @throws TwofourError SAFETENSORS_HEADER_TOO_SMALL, SAFETENSORS_HEADER_TOO_LARGE, SAFETENSORS_INVALID_HEADER_LENGTH
 */
export function parseHeaderLength(first: Uint8Array, fileSize: number, file: string): number {
  const place = { file, field: 'header length' }
  if (first.length < lengthBytes) {
    const got = first.length === 0 ? 'an empty file' : `a file of ${first.length} bytes`
    throw refusal('SAFETENSORS_HEADER_TOO_SMALL', place, 'there in 8 bytes', got, 'Download it again.')
  }
  const length = new DataView(first.buffer, first.byteOffset, lengthBytes).getBigUint64(0, true)
  if (length > maxHeaderBytes) {
    const fix = 'This is not a safetensors file.'
    throw refusal('SAFETENSORS_HEADER_TOO_LARGE', place, `at most ${maxHeaderBytes}`, `${length}`, fix, {
      length,
    })
  }
  if (Number(length) + lengthBytes > fileSize) {
    const wanted = `at most the ${fileSize - lengthBytes} bytes that follow it`
    const fix = 'The file was cut short, or is not a safetensors file.'
    throw refusal('SAFETENSORS_INVALID_HEADER_LENGTH', place, wanted, `${length}`, fix, { length, fileSize })
  }
  return Number(length)
}

/**
 * Parses and checks a header against every rule of the format; pure. Accepts what the format's specification
 * allows, no more: https://github.com/huggingface/safetensors § Format.
 * @param bytes the header's JSON, without the length before it
 * @param fileSize bytes of the whole file
 * @param file name for messages
 * @throws TwofourError with the code of the first rule broken: text and JSON, then ranges, sizes, the file's size
 */
export function parseHeader(bytes: Uint8Array, fileSize: number, file = 'header'): Header {
  const { records, metadata } = readHeaderJson(bytes, file)
  checkRecords(records, fileSize - lengthBytes - bytes.length, file)

  const tensors = new Map<string, TensorEntry>()
  for (const [name, record] of records) tensors.set(name, toEntry(name, record, file))
  return { tensors, metadata }
}

function toEntry(tensor: string, { dtype, shape, begin, end }: HeaderRecord, file: string): TensorEntry {
  if (!isSafe(shape)) {
    const place = { file, tensor, field: 'shape' }
    throw refusal('SAFETENSORS_LIMIT_EXCEEDED', place, 'sizes below 2^53', sayShape(shape))
  }
  return { dtype, shape, begin: Number(begin), end: Number(end) }
}

/** Only a tensor of zero bytes can have a size that a number does not hold: others were held against the file. */
function isSafe(shape: readonly Whole[]): shape is readonly number[] {
  return shape.every((size) => typeof size === 'number')
}

import { dtypeBits, tensorBits } from './dtypes.js'
import type { HeaderRecord } from './header-reader.js'
import { refusal } from './header-refusal.js'
import type { Whole } from './whole.js'

type Named = readonly [name: string, record: HeaderRecord]

/**
 * Holds the records against one another and the file: the ranges must tile the data section exactly, each as long
 * as its tensor. The rules are checked in this order over all tensors, in the order of their ranges.
 * @param dataBytes bytes of the file after its header
 * @throws TwofourError SAFETENSORS_INVALID_OFFSET, SAFETENSORS_VALIDATION_OVERFLOW, SAFETENSORS_MISALIGNED_SLICE,
 *   SAFETENSORS_TENSOR_INVALID_INFO or SAFETENSORS_METADATA_INCOMPLETE_BUFFER
 */
export function checkRecords(
  records: ReadonlyMap<string, HeaderRecord>,
  dataBytes: number,
  file: string,
): void {
  const sorted = [...records].sort(([, a], [, b]) => order(a.begin, b.begin) || order(a.end, b.end))
  checkRanges(sorted, file)
  for (const named of sorted) checkSize(named, file)
  checkFileSize(sorted.at(-1)?.[1].end ?? 0, dataBytes, file)
}

function order(a: Whole, b: Whole): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function checkRanges(sorted: readonly Named[], file: string): void {
  let previous: Whole = 0
  for (const [tensor, { begin, end }] of sorted) {
    if (begin !== previous || end < begin) {
      const place = { file, tensor, field: 'data_offsets' }
      const wanted = `a range from ${previous}, where the one before it ends, upwards`
      throw refusal('SAFETENSORS_INVALID_OFFSET', place, wanted, `[${begin}, ${end}]`, '', { begin, end })
    }
    previous = end
  }
}

function checkSize([tensor, { dtype, shape, begin, end }]: Named, file: string): void {
  const place = { file, tensor }
  const got = `${dtype} ${sayShape(shape)}`
  const bits = tensorBits(dtype, shape)
  if (bits === undefined) {
    throw refusal(
      'SAFETENSORS_VALIDATION_OVERFLOW',
      place,
      'a tensor of fewer than 2^64 elements and bits',
      got,
    )
  }
  if (bits % 8n !== 0n) {
    const wanted = `whole bytes of ${dtypeBits[dtype]}-bit elements`
    throw refusal('SAFETENSORS_MISALIGNED_SLICE', place, wanted, got)
  }
  const length = BigInt(end) - BigInt(begin)
  if (length !== bits / 8n) {
    const wanted = `a range of ${bits / 8n} bytes for ${got}`
    throw refusal('SAFETENSORS_TENSOR_INVALID_INFO', place, wanted, `${length} bytes`, '', { dtype, shape })
  }
}

function checkFileSize(end: Whole, dataBytes: number, file: string): void {
  if (end === dataBytes) return
  const code = 'SAFETENSORS_METADATA_INCOMPLETE_BUFFER'
  const wanted = `${end} bytes long after its header`
  const fix =
    end > dataBytes ? 'It was cut short: download or copy it again.' : 'Something was appended to it.'
  throw refusal(code, { file }, wanted, `${dataBytes}`, fix, { expected: end, got: dataBytes })
}

/** `[2, 3]`, shortened where it is long. */
export function sayShape(shape: readonly Whole[]): string {
  const sizes = shape.map(String)
  const shown = sizes.length > 6 ? [...sizes.slice(0, 6), `… ${sizes.length - 6} more`] : sizes
  return `[${shown.join(', ')}]`
}

import type { Structure } from '../checkpoint/structure.js'

/** Kept bits: one per element, row-major, lowest bit of each byte first, and no bit set behind the last element. */
export type Bits = Uint8Array

export function bytesOfBits(count: number): number {
  return Math.ceil(count / 8)
}

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** A copy without stray bits behind the last element; all kept where there are none. */
export function keptBits(count: number, bits?: Uint8Array): Bits {
  const copy = bits === undefined ? new Uint8Array(bytesOfBits(count)).fill(0xff) : bits.slice()
  if (count % 8 !== 0) copy[copy.length - 1]! &= (1 << (count % 8)) - 1
  return copy
}

const onesOfByte = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length)

export function countBits(bits: Bits): number {
  let count = 0
  for (const byte of bits) count += onesOfByte[byte]!
  return count
}

/** Clears, in place, what lies outside the kept rows and columns of a tensor of this shape. */
export function clearOutside(bits: Bits, shape: readonly number[], { rows, columns }: Structure): Bits {
  const height = shape[0] ?? 1
  const width = elementsOf(shape.slice(1))
  if (rows !== undefined) {
    for (const row of complement(rows, height)) clearRange(bits, row * width, (row + 1) * width)
  }
  if (columns !== undefined && width > 0) clearColumns(bits, height, width, complement(columns, width))
  return bits
}

/** Whether every bit of `part` is in `whole` too. */
export function isWithin(part: Bits, whole: Bits): boolean {
  return part.every((byte, index) => (byte & ~whole[index]!) === 0)
}

export function equalBits(a: Bits, b: Bits): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

/** Indices from 0 to count - 1 that are not in `kept`. */
export function complement(kept: ArrayLike<number>, count: number): number[] {
  const there = new Set(Array.from(kept))
  return Array.from({ length: count }, (_, index) => index).filter((index) => !there.has(index))
}

function clearBit(bits: Bits, index: number): void {
  const byte = Math.floor(index / 8)
  bits[byte] = bits[byte]! & ~(1 << (index % 8))
}

function clearRange(bits: Bits, begin: number, end: number): void {
  let index = begin
  while (index < end && index % 8 !== 0) clearBit(bits, index++)
  const whole = Math.floor((end - index) / 8)
  bits.fill(0, index / 8, index / 8 + whole)
  for (index += whole * 8; index < end; index++) clearBit(bits, index)
}

function clearColumns(bits: Bits, height: number, width: number, gone: readonly number[]): void {
  if (width % 8 !== 0) {
    for (let row = 0; row < height; row++) for (const column of gone) clearBit(bits, row * width + column)
    return
  }
  // Every row starts a byte, so one row's mask serves them all, a byte at a time.
  const line = keptBits(width)
  for (const column of gone) clearBit(line, column)
  for (let at = 0; at < bits.length; at++) bits[at]! &= line[at % line.length]!
}

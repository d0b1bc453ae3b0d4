import { refusal } from './header-refusal.js'

/** Bytes of the longest header that the format allows. */
export const maxHeaderBytes = 100_000_000
/** Dimensions of a tensor. */
export const maxRank = 64
/** UTF-8 bytes of a tensor's name. */
export const maxNameBytes = 65_536
/** Tensors of a file, and also keys of its `__metadata__` and fields of one record: what a reader has to remember. */
export const maxEntries = 1_000_000
/** Arrays and objects inside one another, the header itself included. */
export const maxDepth = 128
/** Blanks one after another, and escapes in one string: jsonc-parser spends some 40 bytes of memory on each. */
export const maxRun = 1 << 22

const [tab, lineFeed, carriageReturn, space, quote, backslash] = [9, 10, 13, 32, 34, 92]

/** The header without the blanks around it, and how many stood before it. */
export function trimBlanks(bytes: Uint8Array): { bytes: Uint8Array; start: number } {
  let start = 0
  let end = bytes.length
  while (start < end && isBlank(bytes[start])) start++
  while (end > start && isBlank(bytes[end - 1])) end--
  return { bytes: bytes.subarray(start, end), start }
}

function isBlank(byte: number | undefined): boolean {
  return byte === space || byte === lineFeed || byte === carriageReturn || byte === tab
}

/** Refuses runs that would cost the parser gigabytes. @throws TwofourError SAFETENSORS_LIMIT_EXCEEDED */
export function checkRuns(bytes: Uint8Array, file: string): void {
  let blanks = 0
  let escapes = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    blanks = byte === space || byte === tab ? blanks + 1 : 0
    if (byte === backslash) escapes++
    else if (byte === quote && bytes[i - 1] !== backslash) escapes = 0
    if (blanks > maxRun || escapes > maxRun) throw runRefusal(file, blanks > maxRun ? 'blanks' : 'escapes')
  }
}

function runRefusal(file: string, what: string): Error {
  const wanted = `without more than ${maxRun} ${what} in a row`
  return refusal('SAFETENSORS_LIMIT_EXCEEDED', { file, field: 'header' }, wanted, 'more')
}

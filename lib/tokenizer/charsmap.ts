/**
 * What is wrong with a SentencePiece normaliser's table (`precompiled_charsmap`), or undefined. The library reads it
 * without looking: past an end it ends the process.
 *
 * The form, in base64: the trie's size in bytes (u32, little endian), the trie, and replacements that end with NUL.
 * The trie is a double array of u32, as Darts-clone lays it out: from a unit, the unit of the next byte stands at
 * (position xor offset) xor byte, and a unit with a leaf has its value, a place in the replacements, at its offset.
 */
export function checkCharsmap(base64: string): string | undefined {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.toString('base64') !== base64) return '`precompiled_charsmap` is not base64'
  const size = bytes.length < 4 ? Number.NaN : bytes.readUInt32LE(0)
  const count = Math.floor(size / 4)
  if (!(4 + 4 * count <= bytes.length)) return '`precompiled_charsmap` is cut short'
  const units = Uint32Array.from({ length: count }, (_, index) => bytes.readUInt32LE(4 + 4 * index))
  const replacements = bytes.subarray(4 + 4 * count)
  if (!isUtf8(replacements)) return 'the replacements of `precompiled_charsmap` are not UTF-8'
  return checkTrie(units, replacements)
}

function checkTrie(units: Uint32Array, replacements: Uint8Array): string | undefined {
  const outside = '`precompiled_charsmap` points outside itself'
  if (units.length === 0) return outside
  const seen = new Set<number>()
  const open = [offsetOf(units[0]!)]
  while (open.length > 0) {
    const node = open.pop()!
    if (seen.has(node)) continue
    seen.add(node)
    for (let byte = 1; byte < 256; byte++) {
      const at = node ^ byte
      const unit = units[at]
      if (unit === undefined) return outside
      if ((unit & 0x800000ff) !== byte) continue
      const next = at ^ offsetOf(unit)
      if ((unit & 0x100) !== 0) {
        const value = units[next]
        if (value === undefined || !isBoundary(replacements, value & 0x7fffffff)) return outside
      }
      open.push(next)
    }
  }
  return undefined
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6)
}

function isBoundary(bytes: Uint8Array, at: number): boolean {
  return at === bytes.length || (at < bytes.length && (bytes[at]! & 0xc0) !== 0x80)
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

export type StoredDtype = 'F32' | 'F16' | 'BF16' | 'F64'

/** Uniform in [0, 1); the same seed gives the same numbers. A 32-bit xorshift, after Marsaglia 2003. */
export function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 2 ** 32
  }
}

/** Numbers as the bytes of a tensor. Halves are cut, not rounded: good enough for weights that are random anyway. */
export function encode(values: Float64Array, dtype: StoredDtype): ArrayBufferView {
  if (dtype === 'F64') return values
  const singles = Float32Array.from(values)
  if (dtype === 'F32') return singles
  const bits = new Uint32Array(singles.buffer)
  return Uint16Array.from(bits, dtype === 'BF16' ? (word) => word >>> 16 : toHalf)
}

/** The binary16 with the upper bits of a binary32 below 65504; what is under 2^-14 becomes 0. */
function toHalf(word: number): number {
  const sign = (word >>> 16) & 0x8000
  const exponent = ((word >>> 23) & 0xff) - 127 + 15
  return exponent <= 0 ? sign : sign | (exponent << 10) | ((word >>> 13) & 0x3ff)
}

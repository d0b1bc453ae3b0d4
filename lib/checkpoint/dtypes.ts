import { maxU64, type Whole } from './whole.js'

/** Bits of one element of every dtype that the safetensors format knows. */
export const dtypeBits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const

export type Dtype = keyof typeof dtypeBits

/** Every dtype of the format, narrow ones first. */
export const dtypes = Object.keys(dtypeBits) as readonly Dtype[]

export function isDtype(text: unknown): text is Dtype {
  return typeof text === 'string' && Object.hasOwn(dtypeBits, text)
}

/**
 * Bits of a tensor, or undefined where the number of elements or of bits overflows 64 bits on the way. Sizes are
 * multiplied from left to right, so that a later 0 does not hide an overflow before it.
 */
export function tensorBits(dtype: Dtype, shape: readonly Whole[]): bigint | undefined {
  let elements = 1n
  for (const size of shape) {
    elements *= BigInt(size)
    if (elements > maxU64) return undefined
  }
  const bits = elements * BigInt(dtypeBits[dtype])
  return bits > maxU64 ? undefined : bits
}

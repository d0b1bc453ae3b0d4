/** The largest of the format's 64-bit numbers. */
export const maxU64 = 2n ** 64n - 1n

/** A whole number from 0 to 2^64 − 1, exactly: a bigint only above `Number.MAX_SAFE_INTEGER`. */
export type Whole = number | bigint

/** The number that plain digits say; undefined for a sign, fraction, exponent, leading zero or too large a value. */
export function readWhole(digits: string): Whole | undefined {
  if (digits.length > 20 || !/^(?:0|[1-9]\d*)$/.test(digits)) return undefined
  const near = Number(digits)
  if (near <= Number.MAX_SAFE_INTEGER) return near
  const exact = BigInt(digits)
  return exact > maxU64 ? undefined : exact
}

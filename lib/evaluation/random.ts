/** A source of whole numbers from 0 to 2³² − 1. */
export type Random = () => number

/**
 * xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021): 128 bits of state,
 * period 2¹²⁸ − 1. The four words of state must not all be zero. Not for secrets.
 */
export function xoshiro128(a: number, b: number, c: number, d: number): Random {
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotate(d, 11)
    return result
  }
}

/** A generator from one seed, a whole number from 0 to 2⁵³ − 1: neighbouring seeds give unrelated sequences. */
export function seededRandom(seed: number): Random {
  const low = spread(seed % 2 ** 32)
  const high = spread(~Math.floor(seed / 2 ** 32))
  // Words of one sequence differ, so the state is never all zeros.
  return xoshiro128(low(), low(), high(), high())
}

/** Successive steps of 2³² / golden ratio, each through the finaliser of MurmurHash3, which is one to one. */
function spread(start: number): Random {
  let counter = start
  return () => {
    counter = (counter + 0x9e3779b9) | 0
    let word = counter
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    return (word ^ (word >>> 16)) >>> 0
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

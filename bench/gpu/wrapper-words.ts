/** What one kernel of bench/gpu-wrappers gave: words of 32 bits, eight hexadecimal digits each. */
export type WrapperWords = {
  readonly wrapper: string
  /** Bit for bit; as floats, where every NaN is like another; or as floats two units in the last place apart at most. */
  readonly likeness: 'bits' | 'numbers' | 'near'
  readonly words: string
}

export type Compared = {
  readonly words: number
  readonly wrong: number
  /** Of the first that is wrong. */
  readonly at?: number
  readonly expected?: string
  readonly got?: string
}

/** Words that are missing are wrong. */
export function compareWords({ words: expected, likeness }: WrapperWords, actual: string): Compared {
  const count = expected.length / 8
  const wrong: number[] = []
  for (let i = 0; i < count; i++) if (!alike(wordOf(expected, i), wordOf(actual, i), likeness)) wrong.push(i)
  const [at] = wrong
  if (at === undefined) return { words: count, wrong: actual.length === expected.length ? 0 : 1 }
  return { words: count, wrong: wrong.length, at, expected: wordOf(expected, at), got: wordOf(actual, at) }
}

function wordOf(words: string, i: number): string {
  return words.slice(8 * i, 8 * i + 8)
}

function alike(expected: string, actual: string, likeness: WrapperWords['likeness']): boolean {
  if (expected === actual) return true
  if (likeness === 'bits' || actual.length < 8) return false
  const [a, b] = [floatOf(expected), floatOf(actual)]
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b)
  // Of one sign, neighbours have neighbouring bits.
  return likeness === 'near' && Math.abs(Number.parseInt(expected, 16) - Number.parseInt(actual, 16)) <= 2
}

function floatOf(word: string): number {
  return new Float32Array(Uint32Array.of(Number.parseInt(word, 16)).buffer)[0]!
}

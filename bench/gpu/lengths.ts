import { randomNumbers } from '../../test/random-numbers.js'

/**
 * Tokens of real texts under BERT's uncased vocabulary, as 65 quantiles from the shortest to the longest: the sentences
 * of the STS Benchmark's test split (2,758, mean 14.2) and the paragraphs of WikiText-2's (2,183, mean 136, cut at 512).
 */
const quantiles = {
  sentences: [
    5, 7, 7, 8, 8, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 10, 10, 10, 10, 10, 10, 10, 11, 11, 11, 11, 11, 11,
    12, 12, 12, 12, 12, 12, 13, 13, 13, 13, 13, 14, 14, 14, 15, 15, 16, 16, 17, 17, 18, 19, 20, 21, 21, 22,
    23, 25, 27, 29, 31, 33, 37, 46,
  ],
  paragraphs: [
    3, 5, 6, 7, 10, 11, 13, 15, 18, 21, 27, 33, 40, 46, 51, 59, 64, 70, 74, 78, 82, 86, 89, 93, 96, 101, 104,
    107, 111, 113, 116, 120, 124, 128, 132, 135, 139, 144, 148, 151, 154, 159, 163, 167, 172, 177, 182, 188,
    194, 200, 206, 210, 217, 224, 231, 242, 248, 258, 269, 282, 300, 315, 352, 389, 512,
  ],
} as const

/** Seeded lengths of that kind in the order in which they might arrive, as many as fit into `tokens`. */
export function realLengths(kind: keyof typeof quantiles, tokens: number): number[] {
  const table = quantiles[kind]
  const next = randomNumbers(24)
  const lengths: number[] = []
  for (let left = tokens; ; ) {
    const place = next() * (table.length - 1)
    const [below, above] = [table[Math.floor(place)]!, table[Math.ceil(place)]!]
    const length = Math.round(below + (above - below) * (place - Math.floor(place)))
    if (length > left) return lengths
    lengths.push(length)
    left -= length
  }
}

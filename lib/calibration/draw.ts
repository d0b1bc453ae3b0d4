import { type Random, seededRandom } from '../evaluation/random.js'

/** Uniform numbers under a seed: the same seed gives the same numbers on every machine. */
export class Draws {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** `most` different indices below `count` (all where there are no more), ascending. */
  without(count: number, most: number): number[] {
    const taken = Math.min(count, most)
    const indices = Array.from({ length: count }, (_, index) => index)
    if (taken === count) return indices
    for (let at = 0; at < taken; at++) {
      const other = at + this.#below(count - at)
      ;[indices[at], indices[other]] = [indices[other]!, indices[at]!]
    }
    return indices.slice(0, taken).sort((a, b) => a - b)
  }

  #below(count: number): number {
    return Math.floor((this.#random() / 2 ** 32) * count)
  }
}

import { addon } from '../../addon.js'
import type { StepContext } from '../pattern.js'

const block = 4096

/**
 * Uniform numbers above 0 and below 1, from the recipe's seed and the step's place.
 * @param use keeps the draws of one step apart
 */
export function uniform({ seed, stream }: Pick<StepContext, 'seed' | 'stream'>, use: number): () => number {
  let numbers: Float64Array = new Float64Array()
  let at = 0
  let blocks = 0
  return () => {
    if (at === numbers.length) {
      numbers = addon().randomScores(seed, stream + 2 ** 20 * ++blocks + 2 ** 44 * use, block)
      at = 0
    }
    // They are multiples of 2⁻²⁴ from 0 on.
    return numbers[at++]! + 2 ** -25
  }
}

/** Whole numbers below `count`, each once, in random order. */
export function shuffled(count: number, next: () => number): number[] {
  const order = Array.from({ length: count }, (_, index) => index)
  for (let at = count - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1))
    ;[order[at], order[other]] = [order[other]!, order[at]!]
  }
  return order
}

/** Normal numbers from uniform ones (Box & Muller 1958). */
export function normal(next: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next())
}

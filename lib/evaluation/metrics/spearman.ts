import { type Ranking, rankingOf } from './ranks.js'

/**
 * Spearman's rank correlation of two equally long lists of finite numbers: Pearson's correlation of their ranks, ties
 * averaged. NaN where all values of a list are equal.
 */
export function spearman(first: ArrayLike<number>, second: ArrayLike<number>): number {
  const [a, b] = [rankingOf(first), rankingOf(second)]
  return correlation(dot(a.centred, b.centred), cubes(a.sizes), cubes(b.sizes), first.length)
}

/**
 * Spearman's correlation without one example each, all in n log n steps. Without example i a rank above it falls by
 * one, and a tied one by a half; so the product of ranks changes by sums over all that is above i in either list, and
 * by the number of examples above it in both.
 */
export function spearmanWithoutOne(first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  const n = first.length
  const [a, b] = [rankingOf(first), rankingOf(second)]
  const product = dot(a.centred, b.centred)
  const [above, ofSecond, ofFirst] = [aboveInBoth(a, b), sumsAbove(a, b.centred), sumsAbove(b, a.centred)]
  const [firstCubes, secondCubes] = [cubes(a.sizes), cubes(b.sizes)]

  return Float64Array.from({ length: n }, (_, i) => {
    const [x, y] = [a.centred[i]!, b.centred[i]!]
    const left = product - x * y - ofSecond[i]! - ofFirst[i]! + above[i]!
    // As many ranks fall as there are examples above, half as much where they are tied.
    const [fallX, fallY] = [(n - 1) / 2 - x, (n - 1) / 2 - y]
    const meanX = (-x - fallX) / (n - 1)
    const meanY = (-y - fallY) / (n - 1)
    const numerator = left - (n - 1) * meanX * meanY
    return correlation(
      numerator,
      withoutOneOf(firstCubes, a.sizes[a.groupOf[i]!]!),
      withoutOneOf(secondCubes, b.sizes[b.groupOf[i]!]!),
      n - 1,
    )
  })
}

/** The largest size below 1 of a correlation of n untied pairs is 1 − 12 / (n³ − n); this lies half way to 1. */
export function nearestToPerfect(n: number): number {
  return 1 - 6 / (n ** 3 - n)
}

/** `product` over the root of both lists' squares, which are (n³ − n − Σ (t³ − t)) / 12 with ties of t. */
function correlation(product: number, firstCubes: number, secondCubes: number, n: number): number {
  const [first, second] = [n ** 3 - firstCubes, n ** 3 - secondCubes]
  if (first === 0 || second === 0) return Number.NaN
  // Where both lists have the same ties the root is exact.
  const spread = first === second ? first : Math.sqrt(first * second)
  return Math.max(-1, Math.min(1, (12 * product) / spread))
}

/** Σ t³: with n values Σ (t³ − t) = Σ t³ − n. */
function cubes(sizes: Uint32Array): number {
  return sizes.reduce((sum, size) => sum + size ** 3, 0)
}

function withoutOneOf(cubesOfAll: number, size: number): number {
  return cubesOfAll - size ** 3 + (size - 1) ** 3
}

/** Per example the sum of `values` of those above it, and half of those tied with it. */
function sumsAbove({ groupOf, sizes }: Ranking, values: Float64Array): Float64Array {
  const own = new Float64Array(sizes.length)
  for (const [i, group] of groupOf.entries()) own[group]! += values[i]!
  const above = new Float64Array(sizes.length)
  for (let group = sizes.length - 2; group >= 0; group--) above[group] = above[group + 1]! + own[group + 1]!
  return Float64Array.from(groupOf, (group, i) => above[group]! + (own[group]! - values[i]!) / 2)
}

/** Per example the number of those above it in both lists, a tie counting half in either. */
function aboveInBoth(first: Ranking, second: Ranking): Float64Array {
  const n = first.groupOf.length
  const members: number[][] = Array.from(first.sizes, () => [])
  for (const [i, group] of first.groupOf.entries()) members[group]!.push(i)

  const counts = new Float64Array(n)
  const tree = new CountTree(second.sizes.length)
  const count = (i: number) => {
    const group = second.groupOf[i]!
    return tree.total - tree.upTo(group) + (tree.upTo(group) - tree.upTo(group - 1)) / 2
  }
  for (const group of members.toReversed()) {
    for (const i of group) counts[i]! += count(i) / 2
    for (const i of group) tree.add(second.groupOf[i]!)
    // The example itself, a quarter, is among them.
    for (const i of group) counts[i]! += count(i) / 2 - 1 / 4
  }
  return counts
}

/** Counts per index, with sums over the first ones in logarithmic time (Fenwick, 1994). */
class CountTree {
  total = 0
  readonly #sums: Uint32Array

  constructor(size: number) {
    this.#sums = new Uint32Array(size + 1)
  }

  add(index: number): void {
    this.total += 1
    for (let at = index + 1; at < this.#sums.length; at += at & -at) this.#sums[at]! += 1
  }

  /** How many were added with an index up to this one. */
  upTo(index: number): number {
    let sum = 0
    for (let at = index + 1; at > 0; at -= at & -at) sum += this.#sums[at]!
    return sum
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

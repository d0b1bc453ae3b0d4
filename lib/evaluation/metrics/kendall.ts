/**
 * Kendall's tau-b of two equally long lists of finite numbers (Kendall, "The treatment of ties in ranking problems",
 * 1945): pairs in the same order less pairs in opposite order, over the geometric mean of the pairs that each list
 * tells apart. NaN where a list tells none apart. Every pair is looked at: for rankings of heads, not of weights.
 */
export function kendall(first: ArrayLike<number>, second: ArrayLike<number>): number {
  let agreement = 0
  let apartInFirst = 0
  let apartInSecond = 0
  for (let i = 1; i < first.length; i++) {
    for (let j = 0; j < i; j++) {
      const a = Math.sign(first[i]! - first[j]!)
      const b = Math.sign(second[i]! - second[j]!)
      agreement += a * b
      apartInFirst += Math.abs(a)
      apartInSecond += Math.abs(b)
    }
  }
  // Whole numbers: the root of their product is exact where the lists agree.
  const pairs = apartInFirst === apartInSecond ? apartInFirst : Math.sqrt(apartInFirst * apartInSecond)
  return pairs === 0 ? Number.NaN : agreement / pairs
}

/** Pearson's correlation of two equally long lists of finite numbers. NaN where all values of a list are equal. */
export function pearson(first: ArrayLike<number>, second: ArrayLike<number>): number {
  if (isConstant(first) || isConstant(second)) return Number.NaN
  const firstMean = mean(first)
  const secondMean = mean(second)

  let product = 0
  let firstSquares = 0
  let secondSquares = 0
  for (let i = 0; i < first.length; i++) {
    const x = first[i]! - firstMean
    const y = second[i]! - secondMean
    product += x * y
    firstSquares += x * x
    secondSquares += y * y
  }
  const spread = Math.sqrt(firstSquares) * Math.sqrt(secondSquares)
  return spread === 0 ? Number.NaN : Math.max(-1, Math.min(1, product / spread))
}

/** Asked directly, because the mean of equal numbers need not be that number in floating point. */
function isConstant(values: ArrayLike<number>): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false
  return true
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

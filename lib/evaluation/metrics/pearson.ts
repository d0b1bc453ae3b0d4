/** Pearson's correlation of two equally long lists of finite numbers. NaN where all values of a list are equal. */
export function pearson(first: ArrayLike<number>, second: ArrayLike<number>): number {
  if (isConstant(first) || isConstant(second)) return Number.NaN
  const { x, y } = centred(first, second)
  return correlation(dot(x, y), dot(x, x), dot(y, y))
}

/**
 * Pearson's correlation without one example each. Without example i a sum of products around the means is less by the
 * example's own product, times n / (n − 1).
 */
export function pearsonWithoutOne(first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  const n = first.length
  const { x, y } = centred(first, second)
  const [products, firstSquares, secondSquares] = [dot(x, y), dot(x, x), dot(y, y)]
  const factor = n / (n - 1)
  return Float64Array.from({ length: n }, (_, i) => {
    const left = (all: number, own: number) => {
      const rest = all - factor * own
      return rest > 1e-14 * all ? rest : 0
    }
    return correlation(
      products - factor * x[i]! * y[i]!,
      left(firstSquares, x[i]! ** 2),
      left(secondSquares, y[i]! ** 2),
    )
  })
}

function correlation(product: number, firstSquares: number, secondSquares: number): number {
  const spread = Math.sqrt(firstSquares) * Math.sqrt(secondSquares)
  return spread === 0 ? Number.NaN : Math.max(-1, Math.min(1, product / spread))
}

function centred(first: ArrayLike<number>, second: ArrayLike<number>) {
  const [firstMean, secondMean] = [mean(first), mean(second)]
  return {
    x: Float64Array.from(first, (value) => value - firstMean),
    y: Float64Array.from(second, (value) => value - secondMean),
  }
}

/** Asked directly, because the mean of equal numbers need not be that number in floating point. */
function isConstant(values: ArrayLike<number>): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false
  return true
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/**
 * The cosine of two rows of `vectors` `[texts, hidden]`, row-major. 0 where a row is all zeros.
 */
export function cosineOfRows(vectors: Float32Array, hidden: number, first: number, second: number): number {
  let product = 0
  let firstSquares = 0
  let secondSquares = 0
  for (let k = 0; k < hidden; k++) {
    const x = vectors[first * hidden + k]!
    const y = vectors[second * hidden + k]!
    product += x * y
    firstSquares += x * x
    secondSquares += y * y
  }
  const lengths = Math.sqrt(firstSquares) * Math.sqrt(secondSquares)
  return lengths === 0 ? 0 : product / lengths
}

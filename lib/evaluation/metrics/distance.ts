/** Minus the Euclidean distance of two rows of `vectors` `[texts, width]`, row-major: the larger, the more alike. */
export function negativeEuclideanOfRows(
  vectors: Float32Array,
  width: number,
  first: number,
  second: number,
): number {
  let squares = 0
  for (let k = 0; k < width; k++) squares += (vectors[first * width + k]! - vectors[second * width + k]!) ** 2
  return -Math.sqrt(squares)
}

/** The same for the sum of absolute differences. */
export function negativeManhattanOfRows(
  vectors: Float32Array,
  width: number,
  first: number,
  second: number,
): number {
  let sum = 0
  for (let k = 0; k < width; k++) sum += Math.abs(vectors[first * width + k]! - vectors[second * width + k]!)
  return -sum
}

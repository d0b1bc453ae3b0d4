/** The dot product of two rows of `vectors` `[texts, width]`, row-major. */
export function dotOfRows(vectors: Float32Array, width: number, first: number, second: number): number {
  let product = 0
  for (let k = 0; k < width; k++) product += vectors[first * width + k]! * vectors[second * width + k]!
  return product
}

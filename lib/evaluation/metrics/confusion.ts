/**
 * How often each gold label (row) was predicted as each label (column): `counts[gold * labels + predicted]`.
 * Both lists hold label indices below `labels`.
 */
export type Confusion = { counts: Uint32Array; labels: number }

export function confusionOf(
  predicted: ArrayLike<number>,
  gold: ArrayLike<number>,
  labels: number,
): Confusion {
  const counts = new Uint32Array(labels * labels)
  for (let i = 0; i < gold.length; i++) counts[gold[i]! * labels + predicted[i]!]! += 1
  return { counts, labels }
}

/** Per label: how often it was predicted rightly, how often predicted at all, how often it is the gold label. */
export function marginsOf({ counts, labels }: Confusion) {
  const right = new Float64Array(labels)
  const predicted = new Float64Array(labels)
  const gold = new Float64Array(labels)
  for (let row = 0; row < labels; row++) {
    right[row] = counts[row * labels + row]!
    for (let column = 0; column < labels; column++) {
      predicted[column]! += counts[row * labels + column]!
      gold[row]! += counts[row * labels + column]!
    }
  }
  return { right, predicted, gold }
}

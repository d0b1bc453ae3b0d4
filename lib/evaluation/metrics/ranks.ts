/** Equal values form a group; groups are numbered ascending from 0. `groupOf[i]` is the group of the i-th value. */
export type TieGroups = { groupOf: Uint32Array; groups: number }

/** The tie groups of finite numbers. */
export function tieGroups(values: ArrayLike<number>): TieGroups {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i)
  order.sort((i, j) => values[i]! - values[j]!)

  const groupOf = new Uint32Array(values.length)
  let group = -1
  let previous = Number.NaN
  for (const i of order) {
    const value = values[i]!
    if (value !== previous) group += 1
    previous = value
    groupOf[i] = group
  }
  return { groupOf, groups: group + 1 }
}

/**
 * The ranks (from 1, ties averaged) of a sample of the grouped values, less the mean rank, as one number per group.
 * Linear in the sample, because the order was found once: `sizes` and `ranks` are written, one entry per group.
 */
export function centredRanks(
  { groupOf }: TieGroups,
  indices: Uint32Array,
  sizes: Uint32Array,
  ranks: Float64Array,
): void {
  sizes.fill(0)
  for (let k = 0; k < indices.length; k++) sizes[groupOf[indices[k]!]!]! += 1

  let before = -indices.length / 2
  for (let group = 0; group < sizes.length; group++) {
    ranks[group] = before + sizes[group]! / 2
    before += sizes[group]!
  }
}

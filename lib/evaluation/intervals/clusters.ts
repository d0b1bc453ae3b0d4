/**
 * Units with a value from 0 to 1 each, in clusters that were drawn together: words of sentences, one F1 of a question.
 * Cluster i holds the units from `offsets[i]` up to `offsets[i + 1]`.
 */
export type Clusters = {
  readonly units: ArrayLike<number>
  readonly offsets: ArrayLike<number>
}

/** Units that are each a cluster of their own. */
export function single(units: ArrayLike<number>): Clusters {
  return { units, offsets: Uint32Array.from({ length: units.length + 1 }, (_, i) => i) }
}

/** What an interval of clusters is made of. Empty clusters do not count. */
export type ClusterSums = {
  /** Clusters that hold a unit, and units. */
  readonly clusters: number
  readonly units: number
  readonly mean: number
  /** The design effect if all units of a cluster were equal. */
  readonly wholeEffect: number
  /** Sum of squares of the clusters' sums around `mean` times their sizes, with n / (n − 1). */
  readonly squares: number
}

export function clusterSums(value: (unit: number) => number, offsets: ArrayLike<number>): ClusterSums {
  const sums: number[] = []
  const sizes: number[] = []
  for (let i = 0; i + 1 < offsets.length; i++) {
    const size = offsets[i + 1]! - offsets[i]!
    if (size === 0) continue
    let sum = 0
    for (let unit = offsets[i]!; unit < offsets[i + 1]!; unit++) sum += value(unit)
    sums.push(sum)
    sizes.push(size)
  }
  return sumsOf(sums, sizes)
}

/** The same from each cluster's sum and size; sizes are above 0. */
export function sumsOf(sums: readonly number[], sizes: readonly number[]): ClusterSums {
  const units = total(sizes)
  const mean = total(sums) / units
  const clusters = sums.length
  const around = total(sums.map((sum, i) => (sum - mean * sizes[i]!) ** 2))
  return {
    ...{ clusters, units, mean },
    wholeEffect: total(sizes.map((size) => size * size)) / units,
    squares: clusters > 1 ? (around * clusters) / (clusters - 1) : 0,
  }
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

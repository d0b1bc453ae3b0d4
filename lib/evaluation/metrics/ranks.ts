/** Values by size: equal ones form a group, and groups are numbered ascending from 0. */
export type Ranking = {
  readonly groupOf: Uint32Array
  /** Per group how many values it has, and how many are below it. */
  readonly sizes: Uint32Array
  readonly below: Uint32Array
  /** Per value its rank, ties averaged, less the mean rank: whole or half numbers that sum to 0. */
  readonly centred: Float64Array
}

/** The ranking of finite numbers. */
export function rankingOf(values: ArrayLike<number>): Ranking {
  const n = values.length
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  order.sort((i, j) => values[i]! - values[j]!)

  const groupOf = new Uint32Array(n)
  const sizes: number[] = []
  const below: number[] = []
  for (const [at, i] of order.entries()) {
    if (at === 0 || values[i] !== values[order[at - 1]!]) {
      sizes.push(0)
      below.push(at)
    }
    groupOf[i] = sizes.length - 1
    sizes[sizes.length - 1]! += 1
  }
  const centred = Float64Array.from(groupOf, (group) => below[group]! + sizes[group]! / 2 - n / 2)
  return { groupOf, sizes: Uint32Array.from(sizes), below: Uint32Array.from(below), centred }
}

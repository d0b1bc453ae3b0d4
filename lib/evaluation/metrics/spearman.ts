import { everyIndex, type Statistic } from '../bootstrap.js'
import { centredRanks, tieGroups } from './ranks.js'

/**
 * Spearman's rank correlation of two equally long lists of finite numbers: Pearson's correlation of their ranks, ties
 * averaged. NaN where all values of a list are equal.
 */
export function spearman(first: ArrayLike<number>, second: ArrayLike<number>): number {
  return spearmanOfSample(first, second)(everyIndex(first.length))
}

/** Spearman's correlation as a statistic: ranks are recomputed within each sample, in time linear in its size. */
export function spearmanOfSample(first: ArrayLike<number>, second: ArrayLike<number>): Statistic {
  const a = side(first)
  const b = side(second)

  return (indices) => {
    centredRanks(a.ties, indices, a.sizes, a.ranks)
    centredRanks(b.ties, indices, b.sizes, b.ranks)
    let product = 0
    for (let k = 0; k < indices.length; k++) {
      const i = indices[k]!
      product += a.ranks[a.ties.groupOf[i]!]! * b.ranks[b.ties.groupOf[i]!]!
    }
    const spread = Math.sqrt(squares(a) * squares(b))
    return spread === 0 ? Number.NaN : Math.max(-1, Math.min(1, product / spread))
  }
}

function side(values: ArrayLike<number>) {
  const ties = tieGroups(values)
  return { ties, sizes: new Uint32Array(ties.groups), ranks: new Float64Array(ties.groups) }
}

function squares({ sizes, ranks }: { sizes: Uint32Array; ranks: Float64Array }): number {
  let sum = 0
  for (let group = 0; group < sizes.length; group++) sum += sizes[group]! * ranks[group]! * ranks[group]!
  return sum
}

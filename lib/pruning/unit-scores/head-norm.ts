import { unitNorms } from './norms.js'
import type { UnitScore } from './unit-score.js'

/** A head's share of its layer's L1 norm, over query, key, value and output (Gordon, Duh & Andrews 2020). */
export const headNorm: UnitScore = {
  name: 'headNorm',
  units: ['heads'],

  async open(ranked) {
    const { sets, units } = ranked
    const norms = await unitNorms(ranked)
    const whole = new Map(sets.map((set) => [set, 0]))
    for (const [at, { set }] of units.entries()) whole.set(set, whole.get(set)! + norms[at]!)
    const shares = norms.map((norm, at) => norm / (whole.get(units[at]!.set)! || 1))
    return { scores: async () => shares }
  },
}

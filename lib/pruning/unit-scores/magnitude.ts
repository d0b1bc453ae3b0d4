import { unitNorms } from './norms.js'
import type { UnitScore } from './unit-score.js'

/** The L1 norm of a unit's slices, comparable across layers as it is. */
export const magnitude: UnitScore = {
  name: 'magnitude',
  units: ['heads', 'neurons'],

  async open(ranked) {
    const norms = await unitNorms(ranked)
    return { scores: async () => norms }
  },
}

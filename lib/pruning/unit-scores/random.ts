import { addon } from '../../addon.js'
import type { UnitScore } from './unit-score.js'

/** Uniform, from the recipe's seed and the step's place: the baseline for every other score. */
export const random: UnitScore = {
  name: 'random',
  units: ['heads', 'neurons'],

  async open({ context, units }) {
    const numbers = addon().randomScores(context.seed, context.stream, units.length)
    return { scores: async () => numbers }
  },
}

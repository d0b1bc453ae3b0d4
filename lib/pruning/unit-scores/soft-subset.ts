import type { Relaxed } from './gate-training.js'

/** The least that is left of a chance, so that its logarithm is a number. */
const tiny = Number.MIN_VALUE * 2 ** 52

/**
 * A relaxed choice of exactly `count` units, by as many softmaxes one after another of which each lowers what those
 * before it have taken: gates are their sums (Li, Cotterell & Sachan 2021, after Xie & Ermon 2019).
 * @param logits [units]
 */
export function softSubset(logits: Float64Array, count: number, temperature: number): Relaxed {
  const gates = new Float32Array(logits.length)
  const chances: Float64Array[] = []
  const left = logits.slice()
  for (let turn = 0; turn < count; turn++) {
    const chance = softmax(left, temperature)
    for (const [unit, value] of chance.entries()) {
      gates[unit]! += value
      left[unit]! += Math.log(Math.max(1 - value, tiny))
    }
    chances.push(chance)
  }
  return { gates, backward: (byGates) => backward(chances, byGates, temperature) }
}

function softmax(logits: Float64Array, temperature: number): Float64Array {
  const highest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY)
  const weights = logits.map((logit) => Math.exp((logit - highest) / temperature))
  const whole = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / whole)
}

function backward(
  chances: readonly Float64Array[],
  byGates: Float64Array,
  temperature: number,
): Float64Array {
  const byLogits = new Float64Array(byGates.length)
  for (const chance of chances.toReversed()) {
    const byChance = byGates.map((slope, unit) => {
      const rest = 1 - chance[unit]!
      return rest > tiny ? slope - byLogits[unit]! / rest : slope
    })
    const along = byChance.reduce((sum, slope, unit) => sum + slope * chance[unit]!, 0)
    for (const [unit, slope] of byChance.entries()) {
      byLogits[unit]! += (chance[unit]! * (slope - along)) / temperature
    }
  }
  return byLogits
}

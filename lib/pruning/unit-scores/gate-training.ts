import type { GatedEncoder } from './gated-encoder.js'
import { examplesOf, type Objective, partOf } from './objective.js'
import { shuffled } from './uniform.js'

/** Gates of one step, as a function of what is learned. */
export type Relaxed = {
  /** [units] */
  readonly gates: Float32Array
  /** The derivative by what is learned, from the one by the gates. */
  readonly backward: (byGates: Float64Array) => Float64Array
}

export type Training = {
  readonly steps: number
  readonly batch: number
  readonly learningRate: number
  /** What is learned, [units], as it is at first. */
  readonly start: Float64Array
  /** @param part how much of the training is over, from 0 to below 1 */
  readonly relax: (learned: Float64Array, part: number) => Relaxed
  /** Of the order of examples. */
  readonly next: () => number
}

const [beta1, beta2, epsilon, decay] = [0.9, 0.999, 1e-8, 0.01]

/**
 * Learns numbers that gates follow from, weights frozen: AdamW (Loshchilov & Hutter 2019) on the mean loss of one
 * minibatch a step, examples in random order without repetition until all were seen.
 * @returns what was learned, [units]
 */
export async function trainGates(
  encoder: GatedEncoder,
  objective: Objective,
  { steps, batch, learningRate, start, relax, next }: Training,
): Promise<Float64Array> {
  const { onProgress } = encoder.ranked.context
  const learned = start.slice()
  const [mean, square] = [new Float64Array(start.length), new Float64Array(start.length)]
  let waiting: number[] = []
  for (let step = 0; step < steps; step++) {
    onProgress?.(step, steps, 'minibatches')
    if (waiting.length === 0) waiting = shuffled(examplesOf(objective), next)
    const examples = waiting.splice(0, batch)
    const { gates, backward } = relax(learned, step / steps)
    const part = partOf(objective, encoder.spec, examples)
    const sums = await encoder.derivatives({ objective: part, gates, quiet: true }, 'sum')
    const slopes = backward(sums.map((sum) => sum / examples.length))
    for (const [unit, slope] of slopes.entries()) {
      mean[unit] = beta1 * mean[unit]! + (1 - beta1) * slope
      square[unit] = beta2 * square[unit]! + (1 - beta2) * slope ** 2
      const size = Math.sqrt(square[unit]! / (1 - beta2 ** (step + 1))) + epsilon
      const direction = mean[unit]! / (1 - beta1 ** (step + 1)) / size
      learned[unit]! -= learningRate * (direction + decay * learned[unit]!)
    }
  }
  return learned
}

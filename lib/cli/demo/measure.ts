import { quantile } from '../../bench/quantile.js'
import type { Progress } from '../../index.js'

/** Something to time: embeds one batch of texts. The first two of a list are the dense model and its control. */
export type Runner = (texts: readonly string[]) => Promise<Float32Array>

export type MeasureOptions = {
  readonly rounds: number
  /** No further round starts after this time of the clock, once there are enough to tell noise. */
  readonly deadline: number
  /** Milliseconds. @default performance.now */
  readonly clock?: (() => number) | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export type Speed = {
  /** Median over the rounds. */
  readonly sentencesPerSecond: number
  /** Speed as a multiple of the first runner's in the same round: the median over the rounds. */
  readonly ratio: number
  /** The 10th and the 90th percentile of the rounds' ratios. */
  readonly spread: readonly [low: number, high: number]
}

export type Measured = {
  readonly rounds: number
  readonly sentences: number
  /** One for each runner, in their order. */
  readonly speeds: readonly Speed[]
  /** Largest difference of any output from what its own runner gave in its first round. */
  readonly outputDrift: number
  /** Largest difference between the outputs of the first two runners. */
  readonly controlDifference: number
}

/** With fewer rounds there is no spread to speak of. */
export const fewestRounds = 5

/**
 * Times all runners on the same batches. Every round runs each of them once, and starts with the next one, so that
 * what else the machine does falls on all alike; ratios are taken within a round. One untimed round comes first.
 */
export async function measure(
  runners: readonly Runner[],
  batches: readonly (readonly string[])[],
  { rounds, deadline, clock = () => performance.now(), signal, onProgress }: MeasureOptions,
): Promise<Measured> {
  const sentences = batches.reduce((sum, batch) => sum + batch.length, 0)
  const first: Float32Array[][] = []
  for (const runner of runners) first.push((await runOnce(runner, batches, clock, signal)).outputs)

  const seconds: number[][] = []
  let outputDrift = 0
  for (let round = 0; round < rounds; round++) {
    if (round >= fewestRounds && clock() > deadline) break
    const times: number[] = []
    for (let turn = 0; turn < runners.length; turn++) {
      const index = (round + turn) % runners.length
      const run = await runOnce(runners[index]!, batches, clock, signal)
      times[index] = run.seconds
      outputDrift = Math.max(outputDrift, largestDifference(run.outputs, first[index]!))
      const done = round * runners.length + turn + 1
      onProgress?.({ stage: 'time', done, total: rounds * runners.length, unit: 'runs' })
    }
    seconds.push(times)
  }
  return {
    rounds: seconds.length,
    sentences,
    speeds: runners.map((_, index) => speedOf(seconds, index, sentences)),
    outputDrift,
    controlDifference: largestDifference(first[0]!, first[1]!),
  }
}

async function runOnce(
  runner: Runner,
  batches: readonly (readonly string[])[],
  clock: () => number,
  signal: AbortSignal | undefined,
): Promise<{ seconds: number; outputs: Float32Array[] }> {
  const outputs: Float32Array[] = []
  const start = clock()
  for (const batch of batches) {
    signal?.throwIfAborted()
    outputs.push(await runner(batch))
  }
  return { seconds: (clock() - start) / 1000, outputs }
}

function speedOf(seconds: readonly (readonly number[])[], index: number, sentences: number): Speed {
  const ratios = seconds.map((times) => times[0]! / times[index]!)
  return {
    sentencesPerSecond: quantile(
      seconds.map((times) => sentences / times[index]!),
      0.5,
    ),
    ratio: quantile(ratios, 0.5),
    spread: [quantile(ratios, 0.1), quantile(ratios, 0.9)],
  }
}

function largestDifference(some: readonly Float32Array[], others: readonly Float32Array[]): number {
  let largest = 0
  for (const [batch, vectors] of some.entries()) {
    const other = others[batch]!
    for (const [index, value] of vectors.entries()) {
      const difference = Math.abs(value - other[index]!)
      // A number that is none must not hide behind a comparison.
      if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
    }
  }
  return largest
}

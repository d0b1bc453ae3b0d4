import { type Progress, TwofourError } from '../index.js'
import { medianInterval, quantile } from './quantile.js'
import type { Work } from './subject.js'
import type { SubjectProcess } from './subject-process.js'
import { sizeOf } from './works.js'

type RoundOptions = {
  readonly rounds: number
  readonly sampleSeconds?: number | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** Per work and subject. Also the warm-up: every subject passes over every work once. */
export async function compareOutputs(
  processes: readonly SubjectProcess[],
  works: readonly Work[],
  { onProgress }: RoundOptions,
): Promise<number[][]> {
  const differences: number[][] = []
  const total = works.length * processes.length
  for (const [work, { name }] of works.entries()) {
    let first: Float32Array | undefined
    const row: number[] = []
    for (const process of processes) {
      const done = work * processes.length + row.length
      onProgress?.({ stage: 'compare outputs', done, total, unit: 'passes' })
      const output = await process.ask({ kind: 'output', work })
      first ??= output
      if (output.length !== first.length) {
        const message = `${process.name} gave ${output.length} numbers for ${name}, ${processes[0]!.name} ${first.length}.`
        throw new TwofourError('INTERNAL', message, { work: name })
      }
      row.push(largestDifference(first, output))
    }
    differences.push(row)
  }
  return differences
}

/** Infinite where either has a number that is none. */
export function largestDifference(some: Float32Array, others: Float32Array): number {
  let largest = 0
  for (let at = 0; at < some.length; at++) {
    const difference = Math.abs(some[at]! - others[at]!)
    if (difference > largest) largest = difference
    else if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY
  }
  return largest
}

/** Seconds per work, round and subject. */
export async function timeAll(
  processes: readonly SubjectProcess[],
  works: readonly Work[],
  { rounds, sampleSeconds = 0.25, onProgress }: RoundOptions,
): Promise<number[][][]> {
  const seconds: number[][][] = works.map(() => [])
  const total = rounds * works.length * processes.length
  let done = 0
  for (let round = 0; round < rounds; round++) {
    for (const work of works.keys()) {
      const row: number[] = []
      for (let turn = 0; turn < processes.length; turn++) {
        const subject = (round + turn) % processes.length
        row[subject] = await processes[subject]!.ask({ kind: 'sample', work, seconds: sampleSeconds })
        onProgress?.({ stage: 'time', done: ++done, total, unit: 'samples' })
      }
      seconds[work]!.push(row)
    }
  }
  return seconds
}

/** Of one subject at one work, from the work's rounds. */
export function timingOf(work: Work, subject: string, rows: readonly (readonly number[])[], at: number) {
  const rounds = rows.map((row) => row[at]!)
  const ratios = rows.map((row) => row[0]! / row[at]!)
  const quartiles = [quantile(rounds, 0.25), quantile(rounds, 0.75)] as const
  return {
    work: work.name,
    subject,
    ...sizeOf(work),
    batches: work.batches.length,
    seconds: quantile(rounds, 0.5),
    quartiles,
    rounds,
    ratio: quantile(ratios, 0.5),
    interval: medianInterval(ratios),
  }
}

import { type Progress, TwofourError } from '../index.js'
import type { Answers } from './messages.js'
import { medianInterval, quantile } from './quantile.js'
import type { RanForm, Subject, Work } from './subject.js'
import { SubjectProcess } from './subject-process.js'
import { sizeOf } from './works.js'

export type CompareOptions = {
  /** The first is what the others are compared with, and has to load. Names differ. */
  readonly subjects: readonly Subject[]
  /** What is timed; texts are tokenised by the first subject. */
  readonly works: (tokenise: Tokenise) => Promise<readonly Work[]>
  readonly rounds: number
  /** How long one subject samples one work in a round; a pass that takes longer is run once. @default 0.25 */
  readonly sampleSeconds?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export type Tokenise = (texts: readonly string[]) => Promise<number[][]>

/** Why a subject took no part. */
export type Refusal = { readonly code: string; readonly message: string }

export type Participant = {
  readonly name: string
  readonly facts: Answers['open'] | null
  readonly refused: Refusal | null
}

export type Timing = {
  readonly work: string
  readonly subject: string
  readonly texts: number
  readonly tokens: number
  readonly batches: number
  /** For a pass over the work: the median over the rounds, their quartiles, and all of them. */
  readonly seconds: number
  readonly quartiles: readonly [low: number, high: number]
  readonly rounds: readonly number[]
  /** Speed as a multiple of the first subject's in the same round: the median over the rounds. */
  readonly ratio: number
  /** Where that median lies with at least 95 %; from fewer than 6 rounds, all of them. */
  readonly interval: readonly [low: number, high: number]
  /** Largest absolute difference of a last hidden state's element from the first subject's. */
  readonly largestDifference: number
  readonly ran: readonly RanForm[]
}

export type Compared = { readonly subjects: readonly Participant[]; readonly timings: readonly Timing[] }

type Loaded = { readonly process: SubjectProcess; readonly facts: Answers['open'] }

/**
 * Loads every subject in a process of its own, compares their outputs, and times them in turns: every round samples
 * every work by every subject, starting with another one each time, so that what else the machine does falls on all
 * alike. All are in memory together.
 * @throws what a required subject throws when it loads, or any when it runs; `signal.reason`
 */
export async function compare(options: CompareOptions): Promise<Compared> {
  const { subjects, works: makeWorks, signal } = options
  const processes: SubjectProcess[] = []
  try {
    const found = await loadAll(options, processes)
    const tokenise: Tokenise = (texts) => processes[0]!.ask({ kind: 'tokenise', texts })
    const works = await makeWorks(tokenise)
    const ran: RanForm[][][] = []
    for (const process of processes) ran.push(await process.ask({ kind: 'work', works }))
    const differences = await compareOutputs(processes, works, options)
    const seconds = await timeAll(processes, works, options)
    const timings = works.flatMap((work, w) =>
      processes.map(({ name }, s) => ({
        ...timingOf(work, name, seconds[w]!, s),
        largestDifference: differences[w]![s]!,
        ran: ran[s]![w]!,
      })),
    )
    return { subjects: subjects.map(({ name }, at) => participant(name, found[at]!)), timings }
  } finally {
    await Promise.all(processes.map((process) => process.close()))
    signal?.throwIfAborted()
  }
}

async function loadAll(
  { subjects, signal, onProgress }: CompareOptions,
  processes: SubjectProcess[],
): Promise<(Loaded | Refusal)[]> {
  const found: (Loaded | Refusal)[] = []
  for (const [done, subject] of subjects.entries()) {
    onProgress?.({ stage: `load ${subject.name}`, done, total: subjects.length, unit: 'variants' })
    try {
      const loaded = await SubjectProcess.start(subject, signal)
      processes.push(loaded.process)
      found.push(loaded)
    } catch (error) {
      if (done === 0 || subject.required === true || signal?.aborted) throw error
      found.push(refusalOf(error))
    }
  }
  return found
}

function refusalOf(error: unknown): Refusal {
  const message = error instanceof Error ? error.message : String(error)
  return { code: error instanceof TwofourError ? error.code : 'INTERNAL', message }
}

function participant(name: string, found: Loaded | Refusal): Participant {
  if ('facts' in found) return { name, facts: found.facts, refused: null }
  return { name, facts: null, refused: found }
}

/** Per work and subject. Also the warm-up: every subject passes over every work once. */
async function compareOutputs(
  processes: readonly SubjectProcess[],
  works: readonly Work[],
  { onProgress }: CompareOptions,
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
async function timeAll(
  processes: readonly SubjectProcess[],
  works: readonly Work[],
  { rounds, sampleSeconds = 0.25, onProgress }: CompareOptions,
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

function timingOf(work: Work, subject: string, rows: readonly (readonly number[])[], at: number) {
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

import { type Progress, TwofourError } from '../index.js'
import type { Answers } from './messages.js'
import { compareOutputs, timeAll, timingOf } from './rounds.js'
import type { RanForm, Subject, Work } from './subject.js'
import { SubjectProcess } from './subject-process.js'

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

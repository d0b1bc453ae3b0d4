import type { Progress } from '../addon.js'

/** Something that takes a batch and tells how long that took, and what it holds. */
export type Subject = { readonly run: () => Promise<number>; readonly dispose: () => void }

export type Timing = {
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** Rounds and milliseconds after which there is enough: both, but for the most rounds. */
const [leastRounds, mostRounds, enough] = [7, 100, 2000]

/**
 * The least time of each subject over rounds in which all take turns, so that what disturbs the machine disturbs all.
 * The first round only warms up. Disposes of the subjects, also of those that were opened before one that cannot be.
 * @throws `signal.reason`; what a run throws
 */
export async function leastTimes(
  opening: readonly (() => Promise<Subject>)[],
  { signal, onProgress }: Timing,
): Promise<number[]> {
  const least = opening.map(() => Number.POSITIVE_INFINITY)
  const subjects: Subject[] = []
  try {
    for (const open of opening) subjects.push(await open())
    for (const subject of subjects) await subject.run()
    const start = performance.now()
    for (let round = 0; round < mostRounds; round++) {
      if (round >= leastRounds && performance.now() - start > enough) break
      onProgress?.({ stage: 'time', done: round, total: mostRounds, unit: 'rounds' })
      for (const [at, subject] of subjects.entries()) {
        signal?.throwIfAborted()
        least[at] = Math.min(least[at]!, await subject.run())
      }
    }
    return least
  } finally {
    for (const subject of subjects) subject.dispose()
  }
}

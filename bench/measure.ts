import { parseArgs } from 'node:util'
import { type Circumstances, watchCircumstances } from '../dist/bench/circumstances.js'
import { medianInterval, quantile } from '../dist/bench/quantile.js'
import { sampleSeconds } from '../dist/bench/sample.js'

export { quantile }

export type Subject = { readonly name: string; readonly run: () => Promise<unknown> }

/** Seconds per call of a subject: median over rounds, and the middle half of the rounds. */
export type Timing = {
  name: string
  seconds: number
  low: number
  high: number
  /** Speed as a multiple of the first subject's in the same round: the median, and where it lies with 95 %. */
  ratio: number
  interval: [low: number, high: number]
}

const text = { type: 'string' } as const
/** Of every bench; each reads what concerns it. */
export const { values: options } = parseArgs({
  options: {
    rounds: { ...text, default: '7' },
    once: { type: 'boolean', default: false },
    threads: text,
    models: text,
    texts: text,
    columns: text,
    limit: text,
    model: text,
    peak: text,
    out: text,
  },
})

/** `--once`: every subject runs once, so that CI sees that the bench works; its times mean nothing. */
export const once = options.once
export const rounds = once ? 1 : Number(options.rounds)
export const threads = options.threads === undefined ? undefined : Number(options.threads)
/** As after `twofour tune`: what runs is what is fastest here, not what 300 ms had time for. */
export const tuning = { budget: once ? 0 : Number.POSITIVE_INFINITY }
/** How long a subject is sampled in a round. */
export const sampleTime = once ? 0 : 0.25

const watched = await watchCircumstances(threads)

/**
 * Rounds over all subjects in turn, so that whatever else the machine does falls on all of them. `ratio` is the
 * median over rounds of the first subject's time divided by this one's in the same round: above 1 is faster.
 */
export async function interleaved(subjects: readonly Subject[]): Promise<Timing[]> {
  const samples = subjects.map((): number[] => [])
  for (const { run } of subjects) await run()
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      const at = (round + turn) % subjects.length
      samples[at]!.push(await sample(subjects[at]!))
    }
  }
  return subjects.map(({ name }, at) => {
    const ratios = samples[at]!.map((seconds, round) => samples[0]![round]! / seconds)
    return {
      name,
      seconds: quantile(samples[at]!, 0.5),
      low: quantile(samples[at]!, 0.25),
      high: quantile(samples[at]!, 0.75),
      ratio: quantile(ratios, 0.5),
      interval: medianInterval(ratios),
    }
  })
}

async function sample({ run }: Subject): Promise<number> {
  if (!once) return sampleSeconds(run, sampleTime)
  const begin = performance.now()
  await run()
  return (performance.now() - begin) / 1000
}

/** Where and when: what a figure needs to mean anything. */
export function circumstances(): Circumstances & { rounds: number } {
  return { ...watched(), rounds }
}

/** One JSON value on stdout. */
export function print(results: unknown): void {
  console.log(JSON.stringify({ ...circumstances(), once, results }, null, 2))
}

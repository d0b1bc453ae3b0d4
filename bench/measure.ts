import { execFileSync } from 'node:child_process'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import Benchmark from 'benchmark'
import { devices } from 'twofour'

export type Subject = { readonly name: string; readonly run: () => Promise<unknown> }

/** Seconds per call of a subject: median over rounds, and the middle half of the rounds. */
export type Timing = { name: string; seconds: number; low: number; high: number; ratio: number }

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, once: { type: 'boolean', default: false } },
})

/** `--once`: every subject runs once, so that CI sees that the bench works; its times mean nothing. */
export const once = values.once
const rounds = once ? 1 : Number(values.rounds)

/**
 * Rounds over all subjects in turn, so that whatever else the machine does falls on all of them. `ratio` is the
 * median over rounds of the first subject's time divided by this one's in the same round: above 1 is faster.
 */
export async function interleaved(subjects: readonly Subject[]): Promise<Timing[]> {
  const samples = subjects.map((): number[] => [])
  for (const { run } of subjects) await run()
  for (let round = 0; round < rounds; round++) {
    for (const [i, subject] of subjects.entries()) samples[i]!.push(await sample(subject))
  }
  return subjects.map(({ name }, i) => ({
    name,
    seconds: quantile(samples[i]!, 0.5),
    low: quantile(samples[i]!, 0.25),
    high: quantile(samples[i]!, 0.75),
    ratio: quantile(
      samples[i]!.map((seconds, round) => samples[0]![round]! / seconds),
      0.5,
    ),
  }))
}

async function sample({ name, run }: Subject): Promise<number> {
  if (once) {
    const begin = performance.now()
    await run()
    return (performance.now() - begin) / 1000
  }
  return new Promise((resolve, reject) => {
    const fn = (deferred: { resolve(): void }) => void run().then(() => deferred.resolve(), reject)
    const done = (event: { target: { stats: { sample: number[] } } }) =>
      resolve(quantile(event.target.stats.sample, 0.5))
    new Benchmark(name, { defer: true, fn, maxTime: 0.5, minSamples: 3, onComplete: done }).run({
      async: true,
    })
  })
}

export function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * at
  const low = sorted[Math.floor(place)]!
  return low + (sorted[Math.ceil(place)]! - low) * (place % 1)
}

/** Where and when: what a figure needs to mean anything. */
export function circumstances() {
  return {
    date: new Date().toISOString(),
    commit: execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim(),
    cpu: cpus()[0]!.model,
    device: devices()[0]!.name,
    node: process.version,
    load: loadavg(),
    rounds,
  }
}

/** One JSON value on stdout. */
export function print(results: unknown): void {
  console.log(JSON.stringify({ ...circumstances(), once, results }, null, 2))
}

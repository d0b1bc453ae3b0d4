import Benchmark from 'benchmark'
import { quantile } from './quantile.js'

/**
 * Seconds per call, the median of what `benchmark` samples within so many seconds: calls too short for the clock are
 * counted together, and a long one is called once.
 * @throws what `run` throws
 */
export async function sampleSeconds(run: () => Promise<unknown>, seconds: number): Promise<number> {
  const samples = await new Promise<number[]>((resolve, reject) => {
    const fn = (deferred: { resolve(): void }) => void run().then(() => deferred.resolve(), reject)
    const onComplete = (event: { target: { stats: { sample: number[] } } }) =>
      resolve(event.target.stats.sample)
    new Benchmark('', { defer: true, fn, maxTime: seconds, minSamples: 1, onComplete }).run({ async: true })
  })
  return quantile(samples, 0.5)
}

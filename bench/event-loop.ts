// Event-loop delay while much is in flight: what a server that shares the process would feel.
// Run: npm run bench -- event-loop [--rounds 5] [--once]
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Encoder } from 'twofour'
import { circumstances, once, print, quantile } from './measure.js'
import { makeTextModel, sentences } from './texts.js'

const encoder = await Encoder.load(await makeTextModel())
const texts = await sentences(once ? 40 : 1000)
const batch = Array.from({ length: once ? 4 : 128 }, (_, i) =>
  Array.from({ length: 16 }, (_, j) => (i * 7919 + j * 104_729) % encoder.spec.vocab),
)

const subjects: { name: string; run: () => Promise<unknown> }[] = [
  { name: 'nothing in flight', run: () => delay(once ? 10 : 2000) },
  {
    name: `16 runs of ${batch.length} × 16 tokens`,
    run: () =>
      Promise.all(Array.from({ length: 16 }, () => encoder.run(batch, { outputs: ['lastHiddenState'] }))),
  },
  { name: `one embed of ${texts.length} texts`, run: () => encoder.embed(texts) },
  {
    name: `${texts.length} embeds of one text`,
    run: () => Promise.all(texts.map((text) => encoder.embed([text]))),
  },
  {
    name: `a stream of ${texts.length} texts`,
    run: async () => {
      for await (const slice of encoder.embed(texts.values())) slice.vectors.at(0)
    },
  },
]

/** Milliseconds between turns of a 1 ms timer: p50, p99 and the longest. */
async function delays(run: () => Promise<unknown>) {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  await run()
  histogram.disable()
  return {
    p50: histogram.percentile(50) / 1e6,
    p99: histogram.percentile(99) / 1e6,
    longest: histogram.max / 1e6,
  }
}

const results = []
for (const { name, run } of subjects) {
  await run()
  const rounds: Awaited<ReturnType<typeof delays>>[] = []
  for (let round = 0; round < circumstances().rounds; round++) rounds.push(await delays(run))
  const median = (of: 'p50' | 'p99' | 'longest') =>
    quantile(
      rounds.map((each) => each[of]),
      0.5,
    )
  results.push({ name, milliseconds: { p50: median('p50'), p99: median('p99'), longest: median('longest') } })
}
encoder.dispose()
print(results)

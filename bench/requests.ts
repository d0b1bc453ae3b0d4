// Many single-text embeds at once, whose requests are computed together, against one after another; and what a call
// for one short text costs beyond the native time.
// Run: npm run bench -- requests [--rounds 5] [--once]
import { Encoder } from 'twofour'
import { interleaved, once, print, quantile } from './measure.js'
import { makeTextModel, sentences } from './texts.js'

const encoder = await Encoder.load(await makeTextModel())
const texts = await sentences(64)

const native: { nanoseconds: number; batch: number }[] = []
const submit = encoder.submit.bind(encoder)
encoder.submit = async (...request) => {
  const result = await submit(...request)
  native.push(result)
  return result
}

const merged = await interleaved([
  {
    name: 'one after another',
    run: async () => {
      for (const text of texts) await encoder.embed([text])
    },
  },
  { name: 'at once', run: () => Promise.all(texts.map((text) => encoder.embed([text]))) },
  { name: 'as one embed', run: () => encoder.embed(texts) },
])
native.length = 0
await Promise.all(texts.map((text) => encoder.embed([text])))
const batches = new Set(native.map(({ batch }) => batch)).size

/** Microseconds of a call beyond the native time, over some thousand calls. */
async function overhead(name: string, run: () => Promise<unknown>) {
  const calls = once ? 10 : 3000
  const beyond: number[] = []
  for (let call = 0; call < calls; call++) {
    native.length = 0
    const begin = performance.now()
    await run()
    beyond.push((performance.now() - begin) * 1e3 - native[0]!.nanoseconds / 1e3)
  }
  return { name, calls, p10: quantile(beyond, 0.1), p50: quantile(beyond, 0.5), p90: quantile(beyond, 0.9) }
}

const ids = [Int32Array.from({ length: 16 }, (_, i) => (i * 104_729) % encoder.spec.vocab)]
const microseconds = [
  await overhead('run of 16 tokens', () => encoder.run(ids, { outputs: ['pooled'] })),
  await overhead('embed of one sentence', () => encoder.embed(['A man is playing a guitar on the stage.'])),
]
encoder.dispose()
print({ embeds: texts.length, batches, merged, overhead: microseconds })

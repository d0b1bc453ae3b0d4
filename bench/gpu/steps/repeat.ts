import { Encoder } from 'twofour'
import type { Row, StepSettings } from '../results.js'
import { dtypes, idsOf, loadOptions, modelShapes, works } from '../scale.js'
import { modelDirectory } from './models.js'

/** The same batch again and again, in one encoder and in one that was loaded anew: are the bits the same? */
export async function repeat({ scale, work }: StepSettings, emit: (row: Row) => void): Promise<void> {
  const rounds = scale === 'emulated' ? 3 : 10
  const [model, shape] = Object.entries(modelShapes(scale)).at(-1)!
  for (const dtype of dtypes(scale))
    for (const form of ['dense', '2:4'] as const) {
      const sequences = idsOf(works(scale).find(({ real }) => real)!, shape.vocab)
      const seen = new Set<string>()
      let first: Buffer | undefined
      let changed = 0
      for (let load = 0; load < 2; load++) {
        const encoder = await Encoder.load(modelDirectory(work, model, form), {
          ...{ device: 'cuda', dtype, sparsity: form === 'dense' ? 'off' : 'auto', ...loadOptions(scale) },
        })
        try {
          for (let round = 0; round < rounds; round++) {
            const { pooled } = await encoder.run(sequences, { outputs: ['pooled'] })
            const bits = Buffer.from(pooled!.buffer, pooled!.byteOffset, pooled!.byteLength)
            first ??= Buffer.from(bits)
            if (!bits.equals(first)) changed++
          }
          for (const { buckets } of encoder.explain()) for (const { form: held } of buckets) seen.add(held)
        } finally {
          encoder.dispose()
        }
      }
      emit({ model, dtype, form, runs: 2 * rounds, changed, ran: [...seen].join(', ') })
    }
}

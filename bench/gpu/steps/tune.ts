import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Encoder } from 'twofour'
import type { Measurement } from '../../../binding.js'
import type { Row, StepSettings } from '../results.js'
import { dtypes, emulatedTokens, modelShapes } from '../scale.js'
import { modelDirectory } from './models.js'

/**
 * What `twofour tune` would find: every linear × bucket × dtype without a bound of time, kept in the run's own tuning
 * cache, which later steps load from. What was chosen goes to `choices.txt`, for the sweep to compare with an exhaustive
 * search.
 */
export async function tune({ scale, work, seconds }: StepSettings, emit: (row: Row) => void): Promise<void> {
  const end = performance.now() + seconds * 1000
  for (const dtype of dtypes(scale))
    for (const model of Object.keys(modelShapes(scale))) {
      if (performance.now() > end) {
        emit({ model, dtype, leftOut: true })
        continue
      }
      const begin = performance.now()
      const encoder = await Encoder.load(modelDirectory(work, model, '2:4'), {
        ...{ device: 'cuda', dtype },
        ...(scale === 'emulated'
          ? { maxTokens: emulatedTokens, tuning: { budget: 5000 } }
          : { tuning: { budget: Number.POSITIVE_INFINITY } }),
      })
      const took = (performance.now() - begin) / 1000
      const seen = new Set<string>()
      for (const { name, rows, columns, buckets } of encoder.explain()) {
        // Layers are alike: one of each shape tells all.
        if (seen.has(`${rows} ${columns}`)) continue
        seen.add(`${rows} ${columns}`)
        for (const { tokens, form, denseMicroseconds, sparseMicroseconds, reason } of buckets)
          emit({
            model,
            dtype,
            name,
            rows,
            columns,
            tokens,
            form,
            denseMicroseconds,
            sparseMicroseconds,
            reason,
          })
      }
      encoder.dispose()
      emit({ model, dtype, took })
      // Each time: the step may be stopped.
      writeFileSync(join(work, 'choices.txt'), choices().join(''))
    }
}

/** Lines that the probe reads: dtype rows columns bound dense-algorithm id split mode form. */
function choices(): string[] {
  const file = join(process.env.XDG_CACHE_HOME!, 'twofour', 'cuda-tuning.json')
  if (!existsSync(file)) return []
  const cache = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Measurement[]>
  return Object.values(cache)
    .flat()
    .flatMap(({ dense, rows, columns, tokens, algorithm }) => {
      const found = /dense (\d+), sparse (\d+) split (-?\d+) mode (-?\d+).*\b(sparse|dense) wins/.exec(
        algorithm ?? '',
      )
      if (found === null) return []
      // A bucket is measured just above the half of its bound.
      const bound = 2 * (tokens - 1)
      return [`${[dense, rows, columns, bound, ...found.slice(1)].join(' ')}\n`]
    })
}

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

const written =
  /^dense \d+ of \d+ ([0-9a-f]{128})(?:, sparse (-?\d+) split (-?\d+) mode (-?\d+), (sparse|dense) wins)?/

/** Lines that the probe reads: dtype rows columns bound residual|none dense-algorithm id split mode form. */
function choices(): string[] {
  const file = join(process.env.XDG_CACHE_HOME!, 'twofour', 'cuda-tuning.json')
  if (!existsSync(file)) return []
  const cache = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Measurement[]>
  const classes = new Map<string, Measurement[]>()
  for (const one of Object.values(cache).flat()) {
    // Whole linears, with one scale and with one for each token: no products.
    if (one.sparse.endsWith(' by one scale')) continue
    const key = [one.dense, one.rows, one.columns, one.epilogue, one.sparse, boundOf(one.tokens)].join()
    classes.set(key, [...(classes.get(key) ?? []), one])
  }
  return [...classes.values()].flatMap(linesOf)
}

/** A class is measured at one end or both; each end's algorithms run where it is nearer. */
function linesOf(ends: readonly Measurement[]): string[] {
  const [fewest, most] = ends.toSorted((a, b) => a.tokens - b.tokens)
  const bound = boundOf(fewest!.tokens)
  const isSparse = ends.every(({ algorithm }) => written.exec(algorithm ?? '')?.[5] === 'sparse')
  const line = ({ dense, rows, columns, epilogue, algorithm }: Measurement, upTo: number): string[] => {
    const [, words, id = 0, split = 1, mode = -1] = written.exec(algorithm ?? '') ?? []
    if (words === undefined) return []
    const added = epilogue?.includes('residual') === true ? 'residual' : 'none'
    const form = isSparse ? 'sparse' : 'dense'
    return [`${[dense, rows, columns, upTo, added, words, id, split, mode, form].join(' ')}\n`]
  }
  if (most === undefined) return line(fewest!, bound)
  return [...line(fewest!, Math.floor((fewest!.tokens + most.tokens) / 2)), ...line(most, bound)]
}

/** Of the class that holds so many tokens. */
function boundOf(tokens: number): number {
  return Math.max(64, 2 ** Math.ceil(Math.log2(tokens)))
}

import { makeCheckpoint } from '../test/make-checkpoint.js'
import { once, options } from './measure.js'

type Shape = {
  hidden: number
  heads: number
  inner: number
  layers: number
  vocab: number
  positions: number
}

const published: Record<string, Shape> = {
  'MiniLM-L6': { hidden: 384, heads: 12, inner: 1536, layers: 6, vocab: 30_522, positions: 512 },
  'BERT-base': { hidden: 768, heads: 12, inner: 3072, layers: 12, vocab: 30_522, positions: 512 },
}
const small = { hidden: 64, heads: 4, inner: 128, layers: 2, vocab: 500, positions: 64 }

/**
 * Seeded random weights in the shapes of published models, of all or those of `--models A,B`; under `--once` in
 * small, which only shows that it runs.
 */
export const shapes: Record<string, Shape> = once ? { small } : chosen(options.models)

export function makeModels(): Promise<{ name: string; directory: string }[]> {
  return Promise.all(
    Object.entries(shapes).map(async ([name, shape]) => ({
      name,
      directory: await makeCheckpoint({ ...shape, seed: 24 }),
    })),
  )
}

function chosen(names: string | undefined): Record<string, Shape> {
  const wanted = names?.split(',') ?? Object.keys(published)
  const unknown = wanted.find((name) => !Object.hasOwn(published, name))
  if (unknown !== undefined) {
    throw new TypeError(`Expected --models to be of ${Object.keys(published).join(', ')}, got '${unknown}'.`)
  }
  return Object.fromEntries(wanted.map((name) => [name, published[name]!]))
}

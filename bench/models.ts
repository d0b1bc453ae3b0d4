import { makeCheckpoint } from '../test/make-checkpoint.js'
import { once } from './measure.js'

/** Seeded random weights in the shapes of published models; under `--once` in small, which only shows that it runs. */
export const shapes = once
  ? { small: { hidden: 64, heads: 4, inner: 128, layers: 2, vocab: 500, positions: 64 } }
  : {
      'MiniLM-L6': { hidden: 384, heads: 12, inner: 1536, layers: 6, vocab: 30_522, positions: 512 },
      'BERT-base': { hidden: 768, heads: 12, inner: 3072, layers: 12, vocab: 30_522, positions: 512 },
    }

export function makeModels(): Promise<{ name: string; directory: string }[]> {
  return Promise.all(
    Object.entries(shapes).map(async ([name, shape]) => ({
      name,
      directory: await makeCheckpoint({ ...shape, seed: 24 }),
    })),
  )
}

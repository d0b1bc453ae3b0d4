import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeCheckpoint } from '../test/make-checkpoint.js'
import { once } from './measure.js'

const demo = join(import.meta.dirname, '../models/demo')
const miniLm = { hidden: 384, heads: 12, inner: 1536, layers: 6, positions: 512 }
const small = { hidden: 64, heads: 4, inner: 128, layers: 2, positions: 128 }

/** Seeded random weights in MiniLM-L6's shapes (under `--once` in small), with the demo's tokenizer. */
export async function makeTextModel(): Promise<string> {
  const config = JSON.parse(await readFile(join(demo, 'model/config.json'), 'utf8')) as { vocab_size: number }
  const vocab = once ? config.vocab_size : Math.max(config.vocab_size, 30_522)
  const directory = await makeCheckpoint({ ...(once ? small : miniLm), vocab, seed: 24 })
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'])
    await cp(join(demo, 'model', name), join(directory, name))
  return directory
}

/** Sentences of the demo's evaluation data, again and again; each differs from the others by its number. */
export async function sentences(count: number): Promise<string[]> {
  const table = await readFile(join(demo, 'eval.tsv'), 'utf8')
  const found = table
    .split('\n')
    .slice(1, -1)
    .flatMap((line) => line.split('\t').slice(0, 2))
  return Array.from({ length: count }, (_, i) => `${found[i % found.length]} ${i}`)
}

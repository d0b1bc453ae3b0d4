// Accuracy beside speed in one run: a sentence encoder on labelled pairs, in several dtypes and pruned in several ways,
// and onnxruntime on the same weights. bench/headline-table.mjs makes the table of docs/benchmarks.md of what it prints.
// Run: npm run bench -- headline --model DIR --texts sts-test.csv [--columns sentence1=5,sentence2=6,score=4]
//        [--limit PAIRS] [--rounds 7] [--threads N] > headline.json
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Checkpoint, Encoder, evaluate, prune, TwofourError } from 'twofour'
import { compare } from '../dist/bench/compare.js'
import { encoderSubject } from '../dist/bench/encoder-subject.js'
import type { Work } from '../dist/bench/subject.js'
import { usualVariants, type Variant } from '../dist/bench/variants.js'
import { sortedByLength, textWork } from '../dist/bench/works.js'
import { once, options, print, rounds, sampleTime, threads, tuning } from './measure.js'
import { type Score, scorePeer } from './peer-score.js'
import { findPeers, peerSubject } from './peers.js'
import { columnsOf, limitOf, readLabelled } from './text-file.js'

const batchSize = 32

const demo = (name: string) => fileURLToPath(new URL(`../models/demo/${name}`, import.meta.url))
const model = options.model ?? (once ? demo('model') : required('model'))
const data = options.texts ?? (once ? demo('eval.tsv') : required('texts'))
const limit = limitOf() ?? (once ? 8 : undefined)

/** The usual ones, and layers removed from the end that costs sentence encoders least: the first. */
function variantsOf({ spec }: Checkpoint): Variant[] {
  const base = { dtype: 'float32', sparsity: 'auto', masked: false } as const
  const first = (count: number) => Array.from({ length: count }, (_, layer) => layer)
  const layers = (count: number): Variant => ({
    ...base,
    name: count === 1 ? 'first layer removed' : `first ${count} layers removed`,
    recipe: { steps: [{ pattern: 'layers', list: first(count) }] },
  })
  const counts = [1, 2].filter((count) => count < spec.layers.length)
  return [...usualVariants(spec), ...counts.map(layers)]
}

/** Null where this build has no such dtype or form: then the comparison lists it with the reason. */
async function score(checkpoint: Checkpoint, { recipe, dtype, sparsity }: Variant): Promise<Score | null> {
  const pruned = recipe === null ? checkpoint : await (await prune(checkpoint, recipe)).apply(checkpoint)
  const encoder = await Encoder.load(pruned, { dtype, sparsity, threads, tuning }).catch((error: unknown) => {
    if (error instanceof TwofourError && error.code.endsWith('_UNAVAILABLE')) return null
    throw error
  })
  if (encoder === null) return null
  try {
    const columns = columnsOf()
    const { value, interval, n } = await evaluate(encoder, { task: 'similarity', data, columns, limit })
    return { value, interval, n }
  } finally {
    encoder.dispose()
  }
}

function required(name: string): never {
  throw new TypeError(`Expected --${name}. The first lines of bench/headline.ts say how to run it.`)
}

const checkpoint = await Checkpoint.open(model)
const variants = variantsOf(checkpoint)
const scores = new Map<string, Score | null>()
for (const variant of variants) {
  scores.set(variant.name, await score(checkpoint, variant))
  console.error(`${variant.name}: ${scores.get(variant.name)?.value.toFixed(4) ?? 'refused'}`)
}

const peers = await findPeers(model)
const own = variants.map(({ name, recipe, dtype, sparsity }) =>
  encoderSubject(name, { model, recipe, load: { dtype, sparsity, threads, tuning } }),
)
const { texts, scores: gold } = await readLabelled(data, limit)
let works: Work[] = []
const { subjects, timings } = await compare({
  subjects: [...own, ...peers.found.map(peerSubject)],
  works: async (tokenise) => {
    const ids = await tokenise(texts)
    works = [
      textWork('arrival order', ids, batchSize),
      textWork('sorted by length', sortedByLength(ids), batchSize),
    ]
    return works
  },
  rounds,
  sampleSeconds: sampleTime,
  onProgress: ({ stage, done, total }) => console.error(`${stage} ${done} of ${total}`),
})
for (const { name, settings } of peers.found) {
  scores.set(name, await scorePeer(settings, works[0]!.batches, gold))
}
const rows = subjects.map(({ name, refused, facts }) => ({
  name,
  refused,
  facts,
  score: scores.get(name) ?? null,
  timings: timings.filter(({ subject }) => subject === name),
}))
print({ model: basename(model), data: basename(data), missing: peers.missing, rows })

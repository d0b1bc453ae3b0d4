// Forward passes: dense dtypes, zeros, removed heads and neurons, and onnxruntime on the same weights, over batch
// sizes and lengths, and over real texts where `--texts` and a model with a tokenizer (`--model`) are named.
// Run: npm run bench -- encoder [--models MiniLM-L6,BERT-base] [--model DIR --texts FILE.tsv
//        [--columns sentence1=5,sentence2=6,score=4] [--limit PAIRS]] [--rounds 7] [--threads N] [--once]
import { Checkpoint, Encoder } from 'twofour'
import { compare } from '../dist/bench/compare.js'
import { encoderSubject } from '../dist/bench/encoder-subject.js'
import type { Work } from '../dist/bench/subject.js'
import { usualVariants } from '../dist/bench/variants.js'
import { shapeWorks, sortedByLength, textWork } from '../dist/bench/works.js'
import { once, options, print, rounds, sampleTime, threads, tuning } from './measure.js'
import { makeModels, shapes } from './models.js'
import { findPeers, peerSubject } from './peers.js'
import { limitOf, readLabelled } from './text-file.js'

const batches = once ? [2] : [1, 8, 32]
const lengths = once ? [16] : [16, 128, 384]

/** Real texts have one order that they come in, and one that costs a padding runtime least. */
async function textWorks(vocab: number): Promise<Work[]> {
  if (options.texts === undefined || options.model === undefined) return []
  const { texts } = await readLabelled(options.texts, limitOf())
  const encoder = await Encoder.load(options.model)
  try {
    const tokenizer = await encoder.tokenizer()
    // Models of the same shape with random weights may have another vocabulary: lengths are what counts.
    const encodings = await Promise.all(texts.map((text) => tokenizer.encode(text)))
    const ids = encodings.map(({ inputIds }) => inputIds.map((id) => id % vocab))
    return [
      textWork('texts, arrival order, batches of 32', ids, 32),
      textWork('texts, sorted by length, batches of 32', sortedByLength(ids), 32),
    ]
  } finally {
    encoder.dispose()
  }
}

const results = []
for (const { name, directory } of await makeModels()) {
  const { spec } = await Checkpoint.open(directory)
  const works = [...shapeWorks(spec, batches, lengths), ...(await textWorks(spec.vocab))]
  const peers = await findPeers(directory)
  const own = usualVariants(spec).map(({ name: variant, recipe, dtype, sparsity }) =>
    encoderSubject(variant, { model: directory, recipe, load: { dtype, sparsity, threads, tuning } }),
  )
  const { subjects, timings } = await compare({
    subjects: [...own, ...peers.found.map(peerSubject)],
    works: async () => works,
    rounds,
    sampleSeconds: sampleTime,
    onProgress: ({ stage, done, total }) => {
      if (done % 20 === 0) console.error(`${name}: ${stage} ${done} of ${total}`)
    },
  })
  results.push({ model: name, shape: shapes[name]!, subjects, missing: peers.missing, timings })
}
print(results)

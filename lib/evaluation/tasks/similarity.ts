import type { Encoder } from '../../encoder/encoder.js'
import { readPairs } from '../labelled.js'
import { cosineOfRows } from '../metrics/cosine.js'
import { similarity } from '../similarity.js'
import { checkNumbers, counted, type RunTask, rowFormat, type TaskInput } from './task-run.js'

/** Pairs embedded between two reports of progress. */
const step = 256

/** Cosines of the two sentences' embeddings, pooled as `embed` does it, against the scores of the file. */
export const runSimilarity: RunTask = async (encoder, input) => {
  const format = rowFormat(input.format)
  const { columns, signal, limit } = input
  const pairs = await readPairs(input.data, { columns, format, signal })

  const scores = pairs.scores.subarray(0, limit)
  const { cosines, truncated } = await cosinesOf(encoder, pairs, scores.length, input)
  checkNumbers(cosines, 'the cosine of a pair')

  const notes = truncated === 0 ? [] : [`${counted(truncated, 'pair')} cut to the model's greatest length.`]
  return { outcomes: similarity(cosines, scores), truncated, notes: [...pairs.notes, ...notes] }
}

type Sides = { readonly sentence1: readonly string[]; readonly sentence2: readonly string[] }

async function cosinesOf(
  encoder: Encoder,
  { sentence1, sentence2 }: Sides,
  n: number,
  { pooling, signal, tell }: TaskInput,
): Promise<{ cosines: Float64Array; truncated: number }> {
  const { hidden } = encoder.spec
  const cosines = new Float64Array(n)
  let truncated = 0
  for (let first = 0; first < n; first += step) {
    const end = Math.min(first + step, n)
    const firsts = sentence1.slice(first, end)
    const seconds = sentence2.slice(first, end)
    const count = end - first

    const embedded = await encoder.embed([...firsts, ...seconds], { pooling, signal })
    for (let i = 0; i < count; i++) {
      cosines[first + i] = cosineOfRows(embedded.vectors, hidden, i, count + i)
    }
    if (embedded.truncated > 0) truncated += await cutPairs(encoder, firsts, seconds)
    tell(end, n)
  }
  return { cosines, truncated }
}

/** Texts are counted where they are embedded, but both of a pair may be cut. */
async function cutPairs(encoder: Encoder, firsts: readonly string[], seconds: readonly string[]) {
  const tokenizer = await encoder.tokenizer()
  const cut = await Promise.all(
    [firsts, seconds].map(async (texts) => (await tokenizer.pack(texts)).truncated),
  )
  return firsts.filter((_, i) => cut.some((flags) => flags[i] === 1)).length
}

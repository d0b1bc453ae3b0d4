import { embedFlagged } from '../../encoder/embed.js'
import type { Encoder } from '../../encoder/encoder.js'
import type { SentenceConfig, Similarity } from '../../sentence-config.js'
import { readPairs } from '../labelled.js'
import { cosineOfRows } from '../metrics/cosine.js'
import { negativeEuclideanOfRows, negativeManhattanOfRows } from '../metrics/distance.js'
import { dotOfRows } from '../metrics/dot.js'
import { similarity } from '../similarity.js'
import { checkNumbers, counted, type RunTask, rowFormat, type TaskInput } from './task-run.js'

/** Pairs embedded between two reports of progress. */
const step = 256

/** Likeness of two rows of vectors [texts, width]: the larger, the more alike. */
const ofRows: Readonly<Record<Similarity, typeof cosineOfRows>> = {
  cosine: cosineOfRows,
  dot: dotOfRows,
  euclidean: negativeEuclideanOfRows,
  manhattan: negativeManhattanOfRows,
}

/**
 * Likeness of the two sentences' embeddings against the scores of the file. Prompt, pooling and similarity are those of
 * the model.
 */
export const runSimilarity: RunTask = async (encoder, input) => {
  const format = rowFormat(input.format)
  const { columns, signal, limit } = input
  const pairs = await readPairs(input.data, { columns, format, signal })

  const scores = pairs.scores.subarray(0, limit)
  const config = await encoder.sentenceConfig()
  const { values, truncated } = await likeness(encoder, pairs, scores.length, config.similarity, input)
  checkNumbers(values, 'the similarity of a pair')

  const cut = truncated === 0 ? [] : [`${counted(truncated, 'pair')} cut to the model's greatest length.`]
  return {
    outcomes: similarity(values, scores),
    truncated,
    notes: [...pairs.notes, ...sayOwn(config), ...cut],
  }
}

/** What the model asks for that is not plain. */
function sayOwn({ similarity, prompts, defaultPrompt }: SentenceConfig): string[] {
  const file = 'as config_sentence_transformers.json says'
  const notes: string[] = []
  if (similarity !== 'cosine') notes.push(`Vectors were compared by '${similarity}', ${file}.`)
  if (defaultPrompt !== undefined) {
    const text = JSON.stringify(prompts[defaultPrompt])
    notes.push(`The prompt '${defaultPrompt}' (${text}) was put before each sentence, ${file}.`)
  }
  return notes
}

type Sides = { readonly sentence1: readonly string[]; readonly sentence2: readonly string[] }

async function likeness(
  encoder: Encoder,
  { sentence1, sentence2 }: Sides,
  n: number,
  kind: Similarity,
  { pooling, signal, tell }: TaskInput,
): Promise<{ values: Float64Array; truncated: number }> {
  const values = new Float64Array(n)
  let truncated = 0
  for (let first = 0; first < n; first += step) {
    const end = Math.min(first + step, n)
    const count = end - first
    const texts = [...sentence1.slice(first, end), ...sentence2.slice(first, end)]
    const { vectors, dims, cut } = await embedFlagged(encoder, texts, { pooling, signal })
    for (let i = 0; i < count; i++) {
      values[first + i] = ofRows[kind](vectors, dims[1], i, count + i)
      // Both of a pair may be cut, which is one pair.
      if (cut[i] === 1 || cut[count + i] === 1) truncated++
    }
    tell(end, n)
  }
  return { values, truncated }
}

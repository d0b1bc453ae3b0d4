import { readPairs } from '../../evaluation/labelled.js'
import { rowFormat } from '../../evaluation/tasks/task-run.js'
import { openTokenizer, type ReadExamples, sequenceOf } from '../source.js'

/** Pairs of sentences, two sequences each, with their scores. */
export const readSimilarity: ReadExamples = async (checkpoint, file, { columns, format, signal }) => {
  const pairs = await readPairs(file, { columns, format: rowFormat(format), signal })
  const tokenizer = await openTokenizer(checkpoint)
  const encode = async (index: number) => {
    const texts = [pairs.sentence1[index]!, pairs.sentence2[index]!]
    const encodings = await Promise.all(texts.map((text) => tokenizer.encode(text)))
    return {
      sequences: encodings.map((encoding) => sequenceOf(encoding, checkpoint.spec)),
      labels: [pairs.scores[index]!],
      truncated: encodings.some(({ truncated }) => truncated),
    }
  }
  return { count: pairs.scores.length, kind: 'scores', notes: pairs.notes, encode }
}

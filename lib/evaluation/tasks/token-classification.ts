import { checkKeys, checkOneOf } from '../../check.js'
import { checkHead, labelsOf } from '../../encoder/classify.js'
import type { Columns } from '../columns.js'
import { type TagColumn, tagColumns } from '../conllu.js'
import { sharedNameNote } from '../labels.js'
import { invalid } from '../source.js'
import { readTagged, type Tagged, type TaggedSentence } from '../tagged.js'
import { tokenClassification } from '../token-classification.js'
import { checkNumbers, counted, indexOfLargest, type RunTask, rowFormat } from './task-run.js'
import { type Job, tokenLogits } from './token-logits.js'

/** No model has it, so a word that no token stands for is wrong, whatever its label is. */
const noLabel = ''

type SentenceJob = Job & {
  readonly sentence: number
  /** The words that have tokens, in the order of `rows`. */
  readonly words: readonly number[]
}

/**
 * The likeliest label at every word's first token against the file's. A word without one (cut off, or nothing that
 * the vocabulary knows) counts as wrong.
 */
export const runTokenClassification: RunTask = async (encoder, input) => {
  checkHead(encoder, 'tokenClassification', 'evaluate')
  const column = tagColumn(input.columns)
  const format = rowFormat(input.format)
  const { signal, limit, tell } = input
  const file = await readTagged(input.data, { column, format, signal })
  const sentences = file.sentences.slice(0, limit)
  const names = labelsOf(encoder.checkpoint)
  const unknown = unknownNote(file, sentences, names)

  const tokenizer = await encoder.tokenizer()
  const predicted = sentences.map(({ words }) => words.map(() => noLabel))
  let truncated = 0
  async function* jobs(): AsyncGenerator<SentenceJob> {
    for (const [sentence, { words }] of sentences.entries()) {
      const { inputIds, firstPiece, truncated: cut } = await tokenizer.encodeWords(words)
      if (cut) truncated++
      const known = [...words.keys()].filter((word) => firstPiece[word]! >= 0)
      if (known.length === 0) continue
      const rows = known.map((word) => firstPiece[word]!)
      yield { sequence: inputIds, tokens: inputIds.length, rows, sentence, words: known }
    }
  }
  for await (const { job, logits } of tokenLogits(encoder, jobs(), signal)) {
    checkNumbers(logits, `sentence ${job.sentence}`)
    for (const [row, word] of job.words.entries()) {
      const scores = logits.subarray(row * names.length, (row + 1) * names.length)
      predicted[job.sentence]![word] = names[indexOfLargest(scores)]!
    }
    tell(job.sentence + 1, sentences.length)
  }

  const gold = sentences.map(({ labels }) => labels)
  const notes = [...file.notes, ...sharedNameNote(names), ...unknown, ...wordlessNote(predicted)]
  return { outcomes: tokenClassification(predicted, gold), truncated, notes }
}

/** In a CoNLL-U file `columns.label` says which column it is; a CoNLL file's label is the last. */
export function tagColumn(columns: Columns | undefined): TagColumn | undefined {
  if (columns === undefined) return undefined
  checkKeys('columns', columns, ['label'])
  return columns.label === undefined ? undefined : checkOneOf('columns.label', columns.label, tagColumns)
}

/** @throws TwofourError DATA_INVALID where the model knows none of the file's labels: they are of another task */
function unknownNote(
  { file }: Tagged,
  sentences: readonly TaggedSentence[],
  names: readonly string[],
): string[] {
  const labels = sentences.flatMap((sentence) => sentence.labels)
  const unknown = labels.filter((label) => !names.includes(label))
  if (unknown.length === 0) return []

  const some = [...new Set(unknown)].slice(0, 5).join(', ')
  if (unknown.length < labels.length) {
    return [
      `${counted(unknown.length, 'word')} counted as wrong: their labels are not among the model's (${some}).`,
    ]
  }
  const sentence = `Expected labels that the model has (${names.slice(0, 8).join(', ')}), got none but others (${some}). Name the column in \`columns.label\`: ${tagColumns.join(', ')}.`
  throw invalid(file, sentences[0]!.line, sentence, { labels: names })
}

function wordlessNote(predicted: readonly (readonly string[])[]): string[] {
  const count = predicted.flat().filter((label) => label === noLabel).length
  if (count === 0) return []
  return [
    `${counted(count, 'word')} counted as wrong: beyond the model's greatest length, or without any token.`,
  ]
}

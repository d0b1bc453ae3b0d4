import { describe } from '../check.js'
import { invalid, linesOf, type Source } from './source.js'
import type { TaggedSentence } from './tagged.js'

/** The columns of a CoNLL-U file that can be a word's label. */
export const tagColumns = ['upos', 'xpos', 'feats', 'deprel'] as const

export type TagColumn = (typeof tagColumns)[number]

const cellOf: Readonly<Record<TagColumn, number>> = { upos: 3, xpos: 4, feats: 5, deprel: 7 }

/**
 * The sentences of a CoNLL-U file, syntactic words only: comments, multiword ranges (`1-2`) and empty nodes (`1.1`)
 * are skipped. In `feats` an underscore means no features and stays a label; elsewhere it means unlabelled.
 *
 * @throws TwofourError DATA_INVALID with the line on other than ten columns, on ids that do not count 1, 2, 3, …,
 * and on a missing label.
 */
export function conlluSentences({ file, text }: Source, column: TagColumn): TaggedSentence[] {
  const sentences: TaggedSentence[] = []
  let sentence: TaggedSentence = { line: 0, words: [], labels: [] }

  for (const [index, content] of [...linesOf(text), ''].entries()) {
    if (content === '') {
      if (sentence.words.length > 0) sentences.push(sentence)
      sentence = { line: 0, words: [], labels: [] }
    } else if (!content.startsWith('#')) {
      addWord(file, index + 1, content.split('\t'), column, sentence)
    }
  }
  return sentences
}

function addWord(
  file: string,
  line: number,
  cells: readonly string[],
  column: TagColumn,
  sentence: TaggedSentence,
): void {
  const count = cells.length
  if (count !== 10)
    throw invalid(file, line, `Expected 10 columns separated by tabs, got ${count}.`, { count })

  const id = cells[0]!
  if (/^\d+[-.]\d+$/.test(id)) return
  const next = sentence.words.length + 1
  if (id !== String(next)) throw invalid(file, line, `Expected word id ${next}, got ${describe(id)}.`, { id })

  const label = cells[cellOf[column]]!
  if (label === '' || (label === '_' && column !== 'feats')) {
    throw invalid(file, line, `Expected a label in \`${column}\`, got ${describe(label)}.`, { column })
  }
  if (next === 1) sentence.line = line
  sentence.words.push(cells[1]!)
  sentence.labels.push(label)
}

import { describe } from '../check.js'
import { invalid, linesOf, type Source, trimmed } from './source.js'
import type { TaggedSentence } from './tagged.js'

/**
 * The sentences of a CoNLL file: one word a line, its label in the last column, blank lines between sentences.
 * Columns are separated by tabs, in lines without a tab by spaces; `-DOCSTART-` lines are skipped.
 *
 * @throws TwofourError DATA_INVALID with the line that lacks a word or a label.
 */
export function conllSentences({ file, text }: Source): TaggedSentence[] {
  const sentences: TaggedSentence[] = []
  let sentence: TaggedSentence = { line: 0, words: [], labels: [] }

  for (const [index, content] of [...linesOf(text), ''].entries()) {
    if (trimmed(content) === '') {
      if (sentence.words.length > 0) sentences.push(sentence)
      sentence = { line: 0, words: [], labels: [] }
    } else if (!content.startsWith('-DOCSTART-')) {
      const [word, label] = wordAndLabel(file, index + 1, content)
      if (sentence.words.length === 0) sentence.line = index + 1
      sentence.words.push(word)
      sentence.labels.push(label)
    }
  }
  return sentences
}

function wordAndLabel(file: string, line: number, content: string): [string, string] {
  const cells = content.includes('\t') ? content.split('\t') : trimmed(content).split(/ +/)
  const word = trimmed(cells[0]!)
  const label = trimmed(cells.at(-1)!)
  if (cells.length >= 2 && word !== '' && label !== '') return [word, label]
  throw invalid(file, line, `Expected a word and a label, got ${describe(content)}.`)
}

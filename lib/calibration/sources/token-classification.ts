import { labelsOf } from '../../encoder/classify.js'
import { readTagged } from '../../evaluation/tagged.js'
import { rowFormat } from '../../evaluation/tasks/task-run.js'
import { tagColumn } from '../../evaluation/tasks/token-classification.js'
import { openTokenizer, type ReadExamples, sequenceOf } from '../source.js'

/** Sentences in words, each word's label at its first token. */
export const readTokenClassification: ReadExamples = async (checkpoint, file, options) => {
  const { columns, format, signal } = options
  const tagged = { column: tagColumn(columns), format: rowFormat(format), signal }
  const { sentences, notes } = await readTagged(file, tagged)
  const tokenizer = await openTokenizer(checkpoint)
  const labelled = checkpoint.spec.head?.kind === 'tokenClassification'
  const names = labelled ? labelsOf(checkpoint) : []

  const encode = async (index: number) => {
    const { words, labels } = sentences[index]!
    const encoding = await tokenizer.encodeWords(words)
    const byToken: number[] = encoding.inputIds.map(() => -1)
    for (const [word, at] of encoding.firstPiece.entries())
      if (at >= 0) byToken[at] = names.indexOf(labels[word]!)
    return {
      sequences: [sequenceOf(encoding, checkpoint.spec)],
      labels: labelled ? byToken : [],
      truncated: encoding.truncated,
    }
  }
  const note = 'The model has no labels of tokens, so those of the file were left out.'
  return {
    count: sentences.length,
    kind: labelled ? 'tokens' : null,
    notes: labelled ? notes : [...notes, note],
    encode,
  }
}

import type { Checkpoint } from '../../checkpoint/checkpoint.js'
import { labelsOf } from '../../encoder/classify.js'
import { type Labelled, readSentences } from '../../evaluation/labelled.js'
import { labelIndices } from '../../evaluation/labels.js'
import { rowFormat } from '../../evaluation/tasks/task-run.js'
import type { ReadExamples } from '../source.js'
import { textExamples } from './texts.js'

/** Sentences, or pairs of them, with a label each where the model chooses between labels. */
export const readClassification: ReadExamples = async (checkpoint, file, { columns, format, signal }) => {
  const read = await readSentences(file, { columns, format: rowFormat(format), signal })
  const labels = indicesOf(checkpoint, read)
  const texts = await textExamples(checkpoint, read.sentences)
  if (labels === null) {
    const note =
      'The model does not choose between labels of whole texts, so those of the file were left out.'
    return { ...texts, notes: [...read.notes, note] }
  }
  const encode: typeof texts.encode = async (index, draws) => ({
    ...(await texts.encode(index, draws)),
    labels: [labels[index]!],
  })
  return { ...texts, kind: 'classes', notes: read.notes, encode }
}

function indicesOf(checkpoint: Checkpoint, read: Labelled): Int32Array | null {
  const { head } = checkpoint.spec
  const problem = checkpoint.config.problem_type
  if (head?.kind !== 'sequenceClassification' || head.labels < 2) return null
  if (problem === 'regression' || problem === 'multi_label_classification') return null
  return labelIndices(read, labelsOf(checkpoint))
}

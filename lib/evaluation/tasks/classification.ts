import { checkHead, labelsOf } from '../../encoder/classify.js'
import type { Encoder } from '../../encoder/encoder.js'
import { TwofourError } from '../../errors.js'
import { classification } from '../classification.js'
import { readSentences } from '../labelled.js'
import { labelIndices, sharedNameNote } from '../labels.js'
import { checkNumbers, counted, type RunTask, rowFormat } from './task-run.js'

/** Sentences classified between two reports of progress. */
const step = 256

/** The model's likeliest label of every sentence against the file's, which are names of the model's or indices. */
export const runClassification: RunTask = async (encoder, input) => {
  checkHead(encoder, 'sequenceClassification', 'evaluate')
  checkOneOfSeveral(encoder)
  const format = rowFormat(input.format)
  const { columns, signal, limit, tell } = input
  const file = await readSentences(input.data, { columns, format, signal })
  const labelNames = labelsOf(encoder.checkpoint)
  const labels = file.labels.slice(0, limit)
  const gold = labelIndices({ ...file, labels }, labelNames)

  const predicted = new Int32Array(gold.length)
  let truncated = 0
  for (let first = 0; first < gold.length; first += step) {
    const end = Math.min(first + step, gold.length)
    // The likeliest label is that of the largest logit, whatever activation the model has.
    const results = await encoder.classify(file.sentences.slice(first, end), { signal, activation: 'none' })
    checkNumbers(
      results.map(({ score }) => score),
      'the label of a sentence',
    )
    predicted.set(
      results.map(({ label }) => labelNames.lastIndexOf(label)),
      first,
    )
    truncated += results.filter((result) => result.truncated).length
    tell(end, gold.length)
  }

  const notes = [
    ...file.notes,
    ...sharedNameNote(labelNames),
    ...caseNote(labels, gold, labelNames),
    ...cutNote(truncated),
  ]
  return { outcomes: classification(predicted, gold, labelNames), truncated, notes }
}

/** @throws TwofourError TASK_UNSUPPORTED for heads that give a number, or several labels at once */
function checkOneOfSeveral({ checkpoint, spec }: Encoder): void {
  const problem = checkpoint.config.problem_type
  const { labels } = spec.head!
  if (labels > 1 && problem !== 'regression' && problem !== 'multi_label_classification') return
  const gives = problem === 'multi_label_classification' ? 'any number of labels' : 'a number (a regression)'
  throw new TwofourError(
    'TASK_UNSUPPORTED',
    `The task 'classification' needs a model that gives a text one of several labels; this one gives ${gives}. Evaluate a model that was trained to choose.`,
    { problemType: problem ?? null, labels },
  )
}

function caseNote(labels: readonly string[], gold: Int32Array, names: readonly string[]): string[] {
  const other = labels.find((label, i) => {
    const name = names[gold[i]!]!
    return label !== name && label.toLowerCase() === name.toLowerCase()
  })
  if (other === undefined) return []
  return [`The file's labels differ from the model's in case (as '${other}'); they were matched without it.`]
}

function cutNote(truncated: number): string[] {
  return truncated === 0 ? [] : [`${counted(truncated, 'sentence')} cut to the model's greatest length.`]
}

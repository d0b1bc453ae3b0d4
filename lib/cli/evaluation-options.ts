import type { EvaluateOptions } from '../index.js'
import { columnsOption } from './columns-option.js'
import type { Invocation, OptionTable } from './command.js'

/** Of every command that evaluates. */
export const evaluationOptions: OptionTable = {
  task: {
    value: 'NAME',
    help: 'similarity, classification, token-classification, question-answering or masked-lm',
  },
  data: { value: 'FILE', help: 'TSV (no quoting), CSV, JSON Lines, CoNLL-U, CoNLL or text, by extension' },
  columns: {
    value: 'LIST',
    help: 'where columns lie, by name or number from 0: sentence1=5,sentence2=6,score=4',
  },
  format: { value: 'NAME', help: 'tsv, csv, jsonl, conllu, conll, txt or squad, against the extension' },
  limit: { value: 'N', help: 'only the first N examples' },
  resamples: {
    value: 'N',
    help: "draws for the intervals of macro F1 and Matthews's correlation, the only ones that draw (default 1000)",
  },
  seed: { value: 'N', help: 'seed of these draws (default 0)' },
  pooling: {
    value: 'NAME',
    help: "for similarity: how tokens become one vector (default: the model's own)",
  },
  'max-length': { value: 'N', help: "cut texts after so many tokens (default: the model's own)" },
}

/** @throws TypeError */
export function evaluateSettings({ options, signal, onProgress }: Invocation): EvaluateOptions {
  const task = options.required('task', 'Name what the model is to do, as --task similarity.')
  const data = options.required('data', 'Name the labelled file.')
  return {
    // The library names what it refuses.
    task: task as EvaluateOptions['task'],
    data,
    columns: columnsOption(options),
    format: options.text('format') as EvaluateOptions['format'],
    limit: options.whole('limit', 1),
    resamples: options.whole('resamples', 1),
    seed: options.whole('seed'),
    pooling: options.text('pooling') as EvaluateOptions['pooling'],
    signal,
    onProgress,
  }
}

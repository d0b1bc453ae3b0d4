import { expected } from '../../check.js'
import type { Checkpoint } from '../../checkpoint/checkpoint.js'
import { checkText } from '../../encoder/text-chunks.js'
import { readTexts } from '../../evaluation/labelled.js'
import { rowFormat } from '../../evaluation/tasks/task-run.js'
import type { Text } from '../../tokenizer/packed.js'
import { type ExampleSource, openTokenizer, type ReadExamples, sequenceOf } from '../source.js'

/** Texts, or pairs of texts that the model reads as one. @throws TypeError; TwofourError of the tokenizer */
export async function textExamples(checkpoint: Checkpoint, texts: readonly Text[]): Promise<ExampleSource> {
  if (!Array.isArray(texts)) throw new TypeError(expected('texts', 'an array of texts', texts))
  for (let i = 0; i < texts.length; i++) checkText(texts[i], i)
  const tokenizer = await openTokenizer(checkpoint)
  const encode = async (index: number) => {
    const text = texts[index] as Text
    const encoding = await (typeof text === 'string' ? tokenizer.encode(text) : tokenizer.encode(...text))
    const sequences = [sequenceOf(encoding, checkpoint.spec)]
    return { sequences, labels: [], truncated: encoding.truncated }
  }
  return { count: texts.length, kind: null, notes: [], encode }
}

/** The column `sentence`, or the lines of a .txt file: for no task in particular. */
export const readPlainTexts: ReadExamples = async (checkpoint, file, { columns, format, signal }) => {
  const { texts, notes } = await readTexts(file, { columns, format: rowFormat(format), signal })
  return { ...(await textExamples(checkpoint, texts)), notes }
}

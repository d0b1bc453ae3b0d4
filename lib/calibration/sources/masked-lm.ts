import { TwofourError } from '../../errors.js'
import { readTexts } from '../../evaluation/labelled.js'
import { rowFormat } from '../../evaluation/tasks/task-run.js'
import { openTokenizer, type ReadExamples, sequenceOf } from '../source.js'

/** Devlin et al., "BERT" (2019), section 3.1. All that are chosen become masks: these sequences train nothing. */
const maskedShare = 0.15

/** Texts in which a share of the tokens is masked, at least one in each, and what stood there. */
export const readMaskedLm: ReadExamples = async (checkpoint, file, { columns, format, signal }) => {
  const { texts, notes } = await readTexts(file, { columns, format: rowFormat(format), signal })
  const tokenizer = await openTokenizer(checkpoint)
  const { cls, sep, pad, mask } = tokenizer.special
  if (mask === undefined) {
    throw new TwofourError('TOKENIZER_INVALID', "The model's tokenizer has no mask token.")
  }

  const encode: Awaited<ReturnType<ReadExamples>>['encode'] = async (index, draws) => {
    const encoding = await tokenizer.encode(texts[index]!)
    const { inputIds } = encoding
    const words = [...inputIds.keys()].filter((at) => ![cls, sep, pad, mask].includes(inputIds[at]!))
    const count = Math.max(1, Math.round(maskedShare * words.length))
    const chosen = new Set(draws.without(words.length, count).map((at) => words[at]!))
    const masked = inputIds.map((id, at) => (chosen.has(at) ? mask : id))
    return {
      sequences: [sequenceOf({ ...encoding, inputIds: masked }, checkpoint.spec)],
      plain: [inputIds],
      labels: inputIds.map((id, at) => (chosen.has(at) ? id : -1)),
      truncated: encoding.truncated,
    }
  }
  return { count: texts.length, kind: 'masked', notes, encode }
}

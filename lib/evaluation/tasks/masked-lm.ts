import { checkHead } from '../../encoder/classify.js'
import type { Encoder } from '../../encoder/encoder.js'
import { TwofourError } from '../../errors.js'
import { readTexts } from '../labelled.js'
import { maskedLm } from '../masked-lm.js'
import { invalid } from '../source.js'
import { checkNumbers, counted, type RunTask, rowFormat } from './task-run.js'
import { type Job, tokenLogits } from './token-logits.js'

/** A text with one token masked. */
type MaskedJob = Job & { readonly text: number; readonly target: number }

/**
 * Every token of every text is masked in turn, the others being seen; special tokens never (Salazar et al., "Masked
 * Language Model Scoring", 2020, section 2.1). Logits are computed at the masked tokens alone.
 */
export const runMaskedLm: RunTask = async (encoder, input) => {
  checkHead(encoder, 'maskedLanguage', 'evaluate')
  const format = rowFormat(input.format)
  const { columns, signal, limit, tell } = input
  const file = await readTexts(input.data, { columns, format, signal })
  const texts = file.texts.slice(0, limit)
  const { encodings, mask, isSpecial } = await encoded(encoder, texts)

  const tokens = encodings.map(({ inputIds }) => inputIds.filter((id) => !isSpecial(id)).length)
  if (tokens.every((count) => count === 0)) {
    throw invalid(file.file, file.lines[0], 'Expected at least one text with a token to mask, found none.')
  }
  const sums = new Float64Array(texts.length)
  const jobs = maskedJobs(encodings, mask, isSpecial)
  for await (const { job, logits } of tokenLogits(encoder, jobs, signal)) {
    sums[job.text]! -= logProbability(logits, job.target)
    tell(job.text + 1, texts.length)
  }
  checkNumbers(sums, 'the probability of a token')

  const truncated = encodings.filter((encoding) => encoding.truncated).length
  const notes =
    truncated === 0
      ? []
      : [`${counted(truncated, 'text')} cut to the model's greatest length; only what was left is scored.`]
  return { outcomes: maskedLm(sums, tokens), truncated, notes: [...file.notes, ...notes] }
}

async function encoded(encoder: Encoder, texts: readonly string[]) {
  const tokenizer = await encoder.tokenizer()
  const { cls, sep, pad, mask } = tokenizer.special
  if (mask === undefined) {
    throw new TwofourError('TOKENIZER_INVALID', "The model's tokenizer has no mask token.")
  }
  // A token that the vocabulary does not know is still a token of the text.
  const special = new Set([cls, sep, pad, mask])
  return {
    encodings: await Promise.all(texts.map((text) => tokenizer.encode(text))),
    mask,
    isSpecial: (id: number) => special.has(id),
  }
}

function* maskedJobs(
  encodings: readonly { readonly inputIds: readonly number[] }[],
  mask: number,
  isSpecial: (id: number) => boolean,
): Generator<MaskedJob> {
  for (const [text, { inputIds }] of encodings.entries()) {
    for (const [at, target] of inputIds.entries()) {
      if (isSpecial(target)) continue
      yield { sequence: inputIds.with(at, mask), tokens: inputIds.length, rows: [at], text, target }
    }
  }
}

/** The natural logarithm of the target's share in the softmax of the logits. */
function logProbability(logits: Float32Array, target: number): number {
  let highest = -Infinity
  for (let i = 0; i < logits.length; i++) highest = Math.max(highest, logits[i]!)
  let total = 0
  for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i]! - highest)
  return logits[target]! - highest - Math.log(total)
}

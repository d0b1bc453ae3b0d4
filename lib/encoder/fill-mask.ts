import { checkInteger, checkKeys, checkSignal } from '../check.js'
import { TwofourError } from '../errors.js'
import type { PackedBatch } from './batch.js'
import { checkHead, softmax } from './classify.js'
import type { Encoder } from './encoder.js'
import { blankRequest } from './run.js'
import { checkTexts, runTexts, type Text } from './texts.js'

export type FillMaskOptions = {
  /** Candidates for each mask. @default 5 */
  readonly top?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** One mask of a text: candidates, the likeliest first. */
export type FilledMask = {
  /** Index in the tokenised text. */
  readonly position: number
  /** `token` is empty for a row of padded embeddings, which no token has. */
  readonly candidates: readonly { readonly token: string; readonly id: number; readonly score: number }[]
}

/** For each text, its masks in order. A text without a mask token is refused by number. */
export async function fillMask(
  encoder: Encoder,
  texts: readonly Text[],
  options: FillMaskOptions,
): Promise<FilledMask[][]> {
  checkKeys('options', options, ['top', 'signal'])
  const signal = checkSignal(options.signal)
  const top = checkInteger('top', options.top ?? 5, 1, encoder.spec.vocab)
  checkTexts(texts)
  checkHead(encoder, 'maskedLanguage', 'fillMask')
  const tokenizer = await encoder.tokenizer()
  const mask = tokenizer.special.mask
  if (mask === undefined)
    throw new TwofourError('TOKENIZER_INVALID', "The model's tokenizer has no mask token.")

  const results: FilledMask[][] = []
  const ask = (batch: PackedBatch) => {
    const logitRows = Int32Array.from(batch.ids.keys()).filter((token) => batch.ids[token] === mask)
    return { ...blankRequest(batch), logits: true, logitRows }
  }
  for await (const { first, batch, truncated, result } of runTexts(encoder, texts, ask, signal)) {
    let row = 0
    for (let i = 0; i + 1 < batch.sequenceOffsets.length; i++) {
      const inputIds = batch.ids.subarray(batch.sequenceOffsets[i], batch.sequenceOffsets[i + 1])
      const positions = [...inputIds.keys()].filter((token) => inputIds[token] === mask)
      if (positions.length === 0)
        throw new RangeError(
          `Expected \`texts[${first + i}]\` to have a mask token (${tokenizer.tokenOf(mask)}), got none${truncated[i] === 1 ? ` in its ${tokenizer.limit} tokens: the rest was cut off` : ''}.`,
        )
      results.push(positions.map((position) => ({ position, candidates: likeliest(result.logits!, row++) })))
    }
  }
  return results

  function likeliest(logits: Float32Array, row: number) {
    const scores = softmax(logits.subarray(row * encoder.spec.vocab, (row + 1) * encoder.spec.vocab))
    const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, top)
    return order.map((id) => ({ token: tokenizer.tokenAt(id) ?? '', id, score: scores[id]! }))
  }
}

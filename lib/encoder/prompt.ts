import { checkOneOf, describe, expected } from '../check.js'
import type { SentenceConfig } from '../sentence-config.js'
import type { Encoder } from './encoder.js'

export type PromptOptions = {
  /** The name of one of the model's prompts, which is put before each text; null: none. @default the model's own default */
  readonly prompt?: string | null | undefined
  /** A text to put before each text, in place of a prompt. */
  readonly prefix?: string | undefined
}

/**
 * What is put before each text.
 * @throws TypeError, also for a name that the model does not have
 */
export function choosePrefix({ prompts, defaultPrompt }: SentenceConfig, options: PromptOptions): string {
  const { prompt, prefix } = options
  if (prefix !== undefined) {
    if (typeof prefix !== 'string') throw new TypeError(expected('prefix', 'a text', prefix))
    if (prompt !== undefined && prompt !== null)
      throw new TypeError('Expected `prompt` (a name) or `prefix` (a text), got both.')
    return prefix
  }
  if (prompt === null) return ''
  const name = prompt ?? defaultPrompt
  if (name === undefined) return ''
  const names = Object.keys(prompts)
  if (names.length > 0) return prompts[checkOneOf('prompt', name, names)]!
  throw new TypeError(
    `The model has no prompts, so it has none named ${describe(name)}. Put a text before each text with \`prefix\`.`,
  )
}

/**
 * Tokens that a prompt puts at the beginning of a sequence, by the reference's rule: those of the prompt alone, without
 * a special token at its end.
 */
export async function prefixTokens(
  encoder: Encoder,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (prefix === '') return 0
  const { ids } = await encoder.tokenize([prefix], signal)
  const { special } = await encoder.tokenizer()
  const last = ids.at(-1)
  return last !== undefined && Object.values(special).includes(last) ? ids.length - 1 : ids.length
}

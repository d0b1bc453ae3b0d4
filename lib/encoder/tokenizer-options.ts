import { maxTokens } from '../architecture/spec.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import type { TokenizerOptions } from '../tokenizer.js'

/** What a model's tokenizer must know of the model. */
export function tokenizerOptions({ architecture, config, base }: Checkpoint): TokenizerOptions {
  const { tokenizer_class: named } = config
  return {
    modelLimit: maxTokens(base),
    modelVocab: base.vocab,
    modelTypes: base.tokenTypes,
    modelType: architecture,
    ...(typeof named === 'string' && { tokenizerClass: named }),
  }
}

import type { HeadTable } from './family.js'

/** Every family has this one. */
export const tokenClassification: HeadTable = {
  kind: 'tokenClassification',
  input: 'tokens',
  transform: null,
  output: 'classifier',
}

/** Every family has this one. */
export const questionAnswering: HeadTable = {
  kind: 'questionAnswering',
  input: 'tokens',
  transform: null,
  output: 'qa_outputs',
}

/** BERT and ALBERT classify what their pooler gives. */
export const pooledClassification: HeadTable = {
  kind: 'sequenceClassification',
  input: 'pooled',
  transform: null,
  output: 'classifier',
}

/** RoBERTa and MPNet have no use for a pooler: the head has a tanh of its own. */
export const firstTokenClassification: HeadTable = {
  kind: 'sequenceClassification',
  input: 'first',
  transform: { size: 'hidden', activation: 'tanh', dense: 'classifier.dense', norm: null },
  output: 'classifier.out_proj',
}

/** RoBERTa and MPNet: the erf form of gelu, whatever the feed-forwards use. */
export const languageHead: HeadTable = {
  kind: 'maskedLanguage',
  input: 'tokens',
  transform: { size: 'hidden', activation: 'gelu', dense: 'lm_head.dense', norm: 'lm_head.layer_norm' },
  output: 'lm_head.decoder',
  outputBias: ['lm_head.bias', 'lm_head.decoder.bias'],
}

import { bertConfig, bertTensors } from './bert.js'
import type { Family } from './family.js'
import { firstTokenClassification, languageHead, questionAnswering, tokenClassification } from './heads.js'

/** Relative positions beside absolute ones. Padding is id 1, whatever `pad_token_id` says. */
export const mpnet: Family = {
  modelTypes: ['mpnet'],
  classes: new Map([['MPNet', 'mpnet']]),
  spellings: new Map(),
  strangers: new Map([
    ['type_vocab_size', 'MPNet has no token types'],
    ['pad_token_id', "MPNet's positions count from 2 always"],
  ]),
  positionTypes: false,
  prefixes: ['mpnet.', ''],
  config: { ...bertConfig, vocab: ['vocab_size', 30527], tokenTypes: null, positionPadding: 1 },
  projection: 'never',
  relative: { field: 'relative_attention_num_buckets', buckets: 32, maxDistance: 128 },
  tensors: {
    ...bertTensors,
    tokenTypeEmbeddings: null,
    relativeBias: 'encoder.relative_attention_bias',
    layers: {
      ...bertTensors.layers,
      query: 'encoder.layer.{layer}.attention.attn.q',
      key: 'encoder.layer.{layer}.attention.attn.k',
      value: 'encoder.layer.{layer}.attention.attn.v',
      attentionOutput: 'encoder.layer.{layer}.attention.attn.o',
      attentionNorm: 'encoder.layer.{layer}.attention.LayerNorm',
    },
  },
  heads: new Map([
    ['Model', null],
    ['ForSequenceClassification', firstTokenClassification],
    ['ForTokenClassification', tokenClassification],
    ['ForQuestionAnswering', questionAnswering],
    ['ForMaskedLM', languageHead],
  ]),
}

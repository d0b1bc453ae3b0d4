import type { ConfigTable, Family, HeadTable, TensorTable } from './family.js'
import { pooledClassification, questionAnswering, tokenClassification } from './heads.js'

/** Names that BERT's descendants kept. */
export const bertTensors: TensorTable = {
  wordEmbeddings: 'embeddings.word_embeddings',
  positionEmbeddings: 'embeddings.position_embeddings',
  tokenTypeEmbeddings: 'embeddings.token_type_embeddings',
  embeddingNorm: 'embeddings.LayerNorm',
  embeddingProjection: null,
  relativeBias: null,
  pooler: 'pooler.dense',
  layers: {
    query: 'encoder.layer.{layer}.attention.self.query',
    key: 'encoder.layer.{layer}.attention.self.key',
    value: 'encoder.layer.{layer}.attention.self.value',
    attentionOutput: 'encoder.layer.{layer}.attention.output.dense',
    attentionNorm: 'encoder.layer.{layer}.attention.output.LayerNorm',
    ffnIn: 'encoder.layer.{layer}.intermediate.dense',
    ffnOut: 'encoder.layer.{layer}.output.dense',
    outputNorm: 'encoder.layer.{layer}.output.LayerNorm',
  },
}

export const bertConfig: ConfigTable = {
  vocab: ['vocab_size', 30522],
  hidden: ['hidden_size', 768],
  heads: ['num_attention_heads', 12],
  layers: ['num_hidden_layers', 12],
  inner: ['intermediate_size', 3072],
  positions: ['max_position_embeddings', 512],
  embedding: null,
  tokenTypes: ['type_vocab_size', 2],
  groups: null,
  innerGroups: null,
  activation: ['hidden_act', 'gelu'],
  epsilon: ['layer_norm_eps', 1e-12],
  positionPadding: null,
}

const maskedLanguage: HeadTable = {
  kind: 'maskedLanguage',
  input: 'tokens',
  transform: {
    size: 'hidden',
    activation: 'config',
    dense: 'cls.predictions.transform.dense',
    norm: 'cls.predictions.transform.LayerNorm',
  },
  output: 'cls.predictions.decoder',
  outputBias: ['cls.predictions.bias', 'cls.predictions.decoder.bias'],
}

export const bert: Family = {
  modelTypes: ['bert'],
  classes: new Map([['Bert', 'bert']]),
  spellings: new Map(),
  strangers: new Map(),
  positionTypes: true,
  prefixes: ['bert.', ''],
  config: bertConfig,
  projection: 'never',
  relative: null,
  tensors: bertTensors,
  heads: new Map([
    ['Model', null],
    ['ForSequenceClassification', pooledClassification],
    ['ForTokenClassification', tokenClassification],
    ['ForQuestionAnswering', questionAnswering],
    ['ForMaskedLM', maskedLanguage],
    ['ForPreTraining', maskedLanguage],
  ]),
}

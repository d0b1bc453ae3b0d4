import { bertConfig, bertTensors } from './bert.js'
import type { Family, HeadTable } from './family.js'
import { pooledClassification, questionAnswering, tokenClassification } from './heads.js'

const layer = 'encoder.albert_layer_groups.{group}.albert_layers.{inner}'

const maskedLanguage: HeadTable = {
  kind: 'maskedLanguage',
  input: 'tokens',
  transform: {
    size: 'embedding',
    activation: 'config',
    dense: 'predictions.dense',
    norm: 'predictions.LayerNorm',
  },
  output: 'predictions.decoder',
  outputBias: ['predictions.bias', 'predictions.decoder.bias'],
}

/** Layers share weights: the first of `num_hidden_groups` serves the first layers, and so on. */
export const albert: Family = {
  modelTypes: ['albert'],
  classes: new Map([['Albert', 'albert']]),
  spellings: new Map(),
  strangers: new Map(),
  positionTypes: true,
  prefixes: ['albert.', ''],
  config: {
    ...bertConfig,
    vocab: ['vocab_size', 30000],
    hidden: ['hidden_size', 4096],
    heads: ['num_attention_heads', 64],
    inner: ['intermediate_size', 16384],
    embedding: ['embedding_size', 128],
    groups: ['num_hidden_groups', 1],
    innerGroups: ['inner_group_num', 1],
    activation: ['hidden_act', 'gelu_new'],
  },
  projection: 'always',
  relative: null,
  tensors: {
    ...bertTensors,
    embeddingProjection: 'encoder.embedding_hidden_mapping_in',
    pooler: 'pooler',
    layers: {
      query: `${layer}.attention.query`,
      key: `${layer}.attention.key`,
      value: `${layer}.attention.value`,
      attentionOutput: `${layer}.attention.dense`,
      attentionNorm: `${layer}.attention.LayerNorm`,
      ffnIn: `${layer}.ffn`,
      ffnOut: `${layer}.ffn_output`,
      outputNorm: `${layer}.full_layer_layer_norm`,
    },
  },
  heads: new Map([
    ['Model', null],
    ['ForSequenceClassification', pooledClassification],
    ['ForTokenClassification', tokenClassification],
    ['ForQuestionAnswering', questionAnswering],
    ['ForMaskedLM', maskedLanguage],
    ['ForPreTraining', maskedLanguage],
  ]),
}

import type { Family, HeadTable } from './family.js'
import { questionAnswering, tokenClassification } from './heads.js'

const sequenceClassification: HeadTable = {
  kind: 'sequenceClassification',
  input: 'first',
  transform: { size: 'hidden', activation: 'relu', dense: 'pre_classifier', norm: null },
  output: 'classifier',
}

const maskedLanguage: HeadTable = {
  kind: 'maskedLanguage',
  input: 'tokens',
  transform: { size: 'hidden', activation: 'config', dense: 'vocab_transform', norm: 'vocab_layer_norm' },
  output: 'vocab_projector',
}

/** No token types, no pooler, and an epsilon that no config can change. */
export const distilbert: Family = {
  modelTypes: ['distilbert'],
  classes: new Map([['DistilBert', 'distilbert']]),
  spellings: new Map([
    ['dim', 'hidden_size'],
    ['n_heads', 'num_attention_heads'],
    ['n_layers', 'num_hidden_layers'],
  ]),
  strangers: new Map([
    ['intermediate_size', 'DistilBERT calls it `hidden_dim`'],
    ['hidden_act', 'DistilBERT calls it `activation`'],
    ['layer_norm_eps', "DistilBERT's is 1e-12 always"],
    ['type_vocab_size', 'DistilBERT has no token types'],
    ['sinusoidal_pos_embds', 'the position embeddings of the weights are read'],
  ]),
  positionTypes: false,
  prefixes: ['distilbert.', ''],
  config: {
    vocab: ['vocab_size', 30522],
    hidden: ['dim', 768],
    heads: ['n_heads', 12],
    layers: ['n_layers', 6],
    inner: ['hidden_dim', 3072],
    positions: ['max_position_embeddings', 512],
    embedding: null,
    tokenTypes: null,
    groups: null,
    innerGroups: null,
    activation: ['activation', 'gelu'],
    epsilon: 1e-12,
    positionPadding: null,
  },
  projection: 'never',
  relative: null,
  tensors: {
    wordEmbeddings: 'embeddings.word_embeddings',
    positionEmbeddings: 'embeddings.position_embeddings',
    tokenTypeEmbeddings: null,
    embeddingNorm: 'embeddings.LayerNorm',
    embeddingProjection: null,
    relativeBias: null,
    pooler: null,
    layers: {
      query: 'transformer.layer.{layer}.attention.q_lin',
      key: 'transformer.layer.{layer}.attention.k_lin',
      value: 'transformer.layer.{layer}.attention.v_lin',
      attentionOutput: 'transformer.layer.{layer}.attention.out_lin',
      attentionNorm: 'transformer.layer.{layer}.sa_layer_norm',
      ffnIn: 'transformer.layer.{layer}.ffn.lin1',
      ffnOut: 'transformer.layer.{layer}.ffn.lin2',
      outputNorm: 'transformer.layer.{layer}.output_layer_norm',
    },
  },
  heads: new Map([
    ['Model', null],
    ['ForSequenceClassification', sequenceClassification],
    ['ForTokenClassification', tokenClassification],
    ['ForQuestionAnswering', questionAnswering],
    ['ForMaskedLM', maskedLanguage],
  ]),
}

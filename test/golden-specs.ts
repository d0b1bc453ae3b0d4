import type { EncoderSpec } from '../lib/architecture/spec.js'

const all = [0, 1, 2, 3, 4, 5, 6, 7]
const bertBase: EncoderSpec = {
  vocab: 301,
  hidden: 64,
  embedding: 64,
  projection: false,
  positions: 64,
  positionPadding: null,
  tokenTypes: 2,
  headSize: 8,
  originalHeads: 8,
  epsilon: 1e-12,
  activation: 'gelu',
  relative: null,
  layers: [0, 1].map((weights) => ({ weights, heads: all, inner: 96 })),
  layersPerState: 1,
  pooler: true,
  head: null,
}
const robertaBase = { ...bertBase, positions: 66, positionPadding: 1, tokenTypes: 1, pooler: false }
const albertBase = {
  ...bertBase,
  embedding: 24,
  projection: true,
  activation: 'geluTanh',
  layers: [0, 0, 0, 0].map((weights) => ({ weights, heads: all, inner: 96 })),
} as const
const tanhHead = { size: 64, activation: 'tanh', norm: false } as const
const languageHead = {
  kind: 'maskedLanguage',
  labels: 301,
  input: 'tokens',
  transform: { size: 64, activation: 'gelu', norm: true },
} as const

/** What the models in test/golden are, by directory. */
export const goldenSpecs: Record<string, EncoderSpec> = {
  'albert-cls': {
    ...albertBase,
    head: { kind: 'sequenceClassification', labels: 2, input: 'pooled', transform: null },
  },
  'albert-groups': {
    ...albertBase,
    layers: [0, 0, 1, 1].map((weights) => ({ weights, heads: all, inner: 96 })),
  },
  'bert-base': bertBase,
  'bert-cls': {
    ...bertBase,
    head: { kind: 'sequenceClassification', labels: 3, input: 'pooled', transform: null },
  },
  'bert-f16': bertBase,
  'bert-gelu-new': { ...bertBase, activation: 'geluTanh' },
  'bert-mlm': { ...bertBase, pooler: false, head: languageHead },
  'bert-sharded': bertBase,
  'bert-tok': {
    ...bertBase,
    pooler: false,
    head: { kind: 'tokenClassification', labels: 5, input: 'tokens', transform: null },
  },
  'distilbert-cls': {
    ...bertBase,
    vocab: 211,
    hidden: 48,
    embedding: 48,
    tokenTypes: 0,
    originalHeads: 6,
    layers: [0, 1].map((weights) => ({ weights, heads: all.slice(0, 6), inner: 80 })),
    pooler: false,
    head: {
      kind: 'sequenceClassification',
      labels: 2,
      input: 'first',
      transform: { size: 48, activation: 'relu', norm: false },
    },
  },
  'electra-cls': {
    ...bertBase,
    embedding: 48,
    projection: true,
    pooler: false,
    head: {
      kind: 'sequenceClassification',
      labels: 2,
      input: 'first',
      transform: { ...tanhHead, activation: 'gelu' },
    },
  },
  'mpnet-base': {
    ...robertaBase,
    tokenTypes: 0,
    pooler: true,
    relative: { buckets: 32, maxDistance: 128 },
  },
  'roberta-cls': {
    ...robertaBase,
    head: { kind: 'sequenceClassification', labels: 2, input: 'first', transform: tanhHead },
  },
  'roberta-mlm': { ...robertaBase, head: languageHead },
  'xlmr-tok': {
    ...robertaBase,
    head: { kind: 'tokenClassification', labels: 4, input: 'tokens', transform: null },
  },
}

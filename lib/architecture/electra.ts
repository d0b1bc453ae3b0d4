import { bertConfig, bertTensors } from './bert.js'
import type { Family, HeadTable } from './family.js'
import { questionAnswering, tokenClassification } from './heads.js'

const sequenceClassification: HeadTable = {
  kind: 'sequenceClassification',
  input: 'first',
  transform: { size: 'hidden', activation: 'gelu', dense: 'classifier.dense', norm: null },
  output: 'classifier.out_proj',
}

const maskedLanguage: HeadTable = {
  kind: 'maskedLanguage',
  input: 'tokens',
  transform: {
    size: 'embedding',
    activation: 'gelu',
    dense: 'generator_predictions.dense',
    norm: 'generator_predictions.LayerNorm',
  },
  output: 'generator_lm_head',
}

const discriminator =
  'ElectraForPreTraining tells replaced tokens from real ones; twofour runs its encoder and leaves that head out.'

/** No pooler. The heads use the erf form of gelu, whatever the feed-forwards use. */
export const electra: Family = {
  modelTypes: ['electra'],
  classes: new Map([['Electra', 'electra']]),
  spellings: new Map(),
  strangers: new Map(),
  positionTypes: true,
  prefixes: ['electra.', ''],
  config: {
    ...bertConfig,
    hidden: ['hidden_size', 256],
    heads: ['num_attention_heads', 4],
    inner: ['intermediate_size', 1024],
    embedding: ['embedding_size', 128],
  },
  projection: 'resized',
  relative: null,
  tensors: { ...bertTensors, embeddingProjection: 'embeddings_project', pooler: null },
  heads: new Map<string, HeadTable | string | null>([
    ['Model', null],
    ['ForSequenceClassification', sequenceClassification],
    ['ForTokenClassification', tokenClassification],
    ['ForQuestionAnswering', questionAnswering],
    ['ForMaskedLM', maskedLanguage],
    ['ForPreTraining', discriminator],
  ]),
}

import { bertConfig, bertTensors } from './bert.js'
import type { Family } from './family.js'
import { firstTokenClassification, languageHead, questionAnswering, tokenClassification } from './heads.js'

/** Positions count from the padding id on. */
export const roberta: Family = {
  modelTypes: ['roberta'],
  classes: new Map([['Roberta', 'roberta']]),
  spellings: new Map(),
  strangers: new Map(),
  positionTypes: true,
  prefixes: ['roberta.', ''],
  config: { ...bertConfig, vocab: ['vocab_size', 50265], positionPadding: ['pad_token_id', 1] },
  projection: 'never',
  relative: null,
  tensors: bertTensors,
  heads: new Map([
    ['Model', null],
    ['ForSequenceClassification', firstTokenClassification],
    ['ForTokenClassification', tokenClassification],
    ['ForQuestionAnswering', questionAnswering],
    ['ForMaskedLM', languageHead],
  ]),
}

/** XLM-RoBERTa and CamemBERT: another vocabulary, everything else RoBERTa's, the prefix too. */
export const xlmRoberta: Family = {
  ...roberta,
  modelTypes: ['xlm-roberta', 'camembert'],
  classes: new Map([
    ['XLMRoberta', 'xlm-roberta'],
    ['Camembert', 'camembert'],
  ]),
  config: { ...roberta.config, vocab: ['vocab_size', 30522] },
}

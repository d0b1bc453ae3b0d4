import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ClassifyOptions, EmbedOptions } from 'twofour'
import { type MakeOptions, makeCheckpoint } from './make-checkpoint.js'
import { byteLevelJson, vocabTxt } from './tiny-tokenizers.js'

/** A model of sentence-transformers, made from a seed and a few files, and what is asked of it. */
export type SentenceCase = {
  readonly name: string
  readonly model?: MakeOptions
  /** Where the transformer is. @default '' */
  readonly folder?: string
  /** Files over those of the transformer, as paths inside the model's folder. */
  readonly files: Readonly<Record<string, unknown>>
  /** @default 'pieces': BERT's, of a few words; 'bytes' is RoBERTa's */
  readonly tokenizer?: 'pieces' | 'cased' | 'bytes'
  readonly texts?: readonly (string | readonly [string, string])[]
  readonly embed?: EmbedOptions
  readonly classify?: ClassifyOptions
  /** What the reference is called with: keywords of `encode`, or which class scores the texts. */
  readonly reference?: Readonly<Record<string, unknown>> | 'CrossEncoder' | 'pipeline'
}

/** From one token to more than the models' limit. */
export const sentences = ['the cat sat.', 'The', 'cat, Cat the mat! the cat sat the mat the cat', 'sat']

const st = 'sentence_transformers.models'
type Step = 'Transformer' | 'Pooling' | 'Normalize' | 'Dropout'

/** modules.json with folders named by place and class. */
export function modulesOf(steps: readonly Step[], folder = ''): Record<string, unknown>[] {
  return steps.map((kind, idx) => ({
    ...{ idx, name: String(idx), type: `${st}.${kind}` },
    path: idx === 0 ? folder : `${idx}_${kind}`,
  }))
}

type Extra = Partial<Omit<SentenceCase, 'name' | 'files'>> & {
  readonly steps?: readonly Step[]
  readonly pooling?: Record<string, unknown>
  readonly more?: Record<string, unknown>
}

const size = { word_embedding_dimension: 16 }

function sentenceCase(name: string, extra: Extra = {}): SentenceCase {
  const {
    steps = ['Transformer', 'Pooling'],
    pooling = { pooling_mode_mean_tokens: true },
    more = {},
    ...rest
  } = extra
  const folders = steps.flatMap((kind, at) => (kind === 'Pooling' ? [`${at}_Pooling/config.json`] : []))
  const files = {
    'modules.json': modulesOf(steps, rest.folder),
    ...Object.fromEntries(folders.map((file) => [file, { ...size, ...pooling }])),
    ...more,
  }
  return { name, files, ...rest }
}

const flags = [
  'cls_token',
  'max_tokens',
  'mean_tokens',
  'mean_sqrt_len_tokens',
  'weightedmean_tokens',
  'lasttoken',
]
const words = ['cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken']
const model = 'config_sentence_transformers.json'
const three: readonly Step[] = ['Transformer', 'Pooling', 'Normalize']
const prompts = { query: 'the cat ', passage: 'mat. ', empty: '', none: null }

function flagsOf(...chosen: string[]): Record<string, boolean> {
  return Object.fromEntries(flags.map((flag) => [`pooling_mode_${flag}`, chosen.includes(flag)]))
}

const poolings = [
  ...flags.map((flag) => sentenceCase(`flag ${flag}`, { pooling: flagsOf(flag) })),
  ...words.map((mode) =>
    sentenceCase(`mode ${mode}`, { pooling: { pooling_mode: mode, embedding_dimension: 16 }, steps: three }),
  ),
  sentenceCase('no mode at all', { pooling: {} }),
  sentenceCase('all flags false', { pooling: flagsOf() }),
  sentenceCase('a mode wins over flags', { pooling: { ...flagsOf('max_tokens'), pooling_mode: 'cls' } }),
  sentenceCase('flags side by side, in an order of their own', {
    pooling: { pooling_mode_lasttoken: true, pooling_mode_mean_tokens: true, pooling_mode_cls_token: true },
    steps: three,
  }),
  sentenceCase('modes side by side, in the order of the list', {
    pooling: { pooling_mode: ['weightedmean', 'max', 'cls', 'max'] },
  }),
  sentenceCase('a list of one mode', { pooling: { pooling_mode: ['max'] } }),
  sentenceCase('another width in the pooling', {
    pooling: { pooling_mode_mean_tokens: true, word_embedding_dimension: 99 },
  }),
]

const withoutPrompt = [
  ...words.map((mode) =>
    sentenceCase(`without the prompt: ${mode}`, {
      pooling: { pooling_mode: mode, include_prompt: false },
      more: { [model]: { prompts, default_prompt_name: 'query' } },
    }),
  ),
  sentenceCase('without the prompt: several, of length 1', {
    pooling: { pooling_mode: ['mean', 'weightedmean'], include_prompt: false },
    steps: three,
    more: { [model]: { prompts, default_prompt_name: 'query' } },
  }),
  sentenceCase('without the tokens of a literal prefix', {
    pooling: { pooling_mode: 'mean', include_prompt: false },
    embed: { prefix: 'Cat, mat: ' },
    reference: { prompt: 'Cat, mat: ' },
  }),
  sentenceCase('nothing is left out without a prompt', {
    pooling: { pooling_mode: 'mean', include_prompt: false },
    more: { [model]: { prompts } },
  }),
  sentenceCase('a prompt that is longer than the limit', {
    pooling: { pooling_mode: 'mean', include_prompt: false },
    more: {
      [model]: { prompts, default_prompt_name: 'query' },
      'sentence_bert_config.json': { max_seq_length: 3 },
    },
  }),
  // The prompt's two pieces and the text's first become one.
  ...['mean', 'cls', 'lasttoken', 'mean_sqrt_len_tokens', 'weightedmean'].map((mode) =>
    sentenceCase(`nothing but the prompt's tokens: ${mode}`, {
      model: { family: 'roberta' },
      tokenizer: 'bytes',
      texts: ['e', 'e cat sat'],
      pooling: { pooling_mode: mode, include_prompt: false },
      embed: { prefix: ' th' },
      reference: { prompt: ' th' },
    }),
  ),
]

const withPrompts = [
  sentenceCase('a default prompt', { more: { [model]: { prompts, default_prompt_name: 'passage' } } }),
  sentenceCase('a default prompt without a text', {
    more: { [model]: { prompts, default_prompt_name: 'none' } },
  }),
  sentenceCase('the default prompt that every model has', {
    more: { [model]: { default_prompt_name: 'document' } },
  }),
  sentenceCase('a prompt by name', {
    more: { [model]: { prompts, default_prompt_name: 'passage' } },
    embed: { prompt: 'query' },
    reference: { prompt_name: 'query' },
  }),
  sentenceCase('no prompt in spite of a default', {
    more: { [model]: { prompts, default_prompt_name: 'passage' } },
    embed: { prompt: null },
    reference: { prompt: '' },
  }),
  sentenceCase('a literal prefix in place of a default', {
    more: { [model]: { prompts, default_prompt_name: 'passage' } },
    embed: { prefix: 'sat ' },
    reference: { prompt: 'sat ' },
  }),
  sentenceCase('prompts without modules.json', {
    more: { 'modules.json': null, [model]: { prompts, default_prompt_name: 'query' } },
  }),
]

const dimensions = [
  sentenceCase('truncate_dim', { more: { [model]: { truncate_dim: 5 } } }),
  sentenceCase('truncate_dim after Normalize', { steps: three, more: { [model]: { truncate_dim: 5 } } }),
  sentenceCase('truncate_dim beyond the width', { steps: three, more: { [model]: { truncate_dim: 500 } } }),
  sentenceCase('truncate_dim, and length 1', {
    steps: three,
    more: { [model]: { truncate_dim: 5 } },
    embed: { normalize: true },
    reference: { normalize_embeddings: true },
  }),
  sentenceCase('dimensions in place of truncate_dim', {
    more: { [model]: { truncate_dim: 5 } },
    embed: { dimensions: 7 },
    reference: { truncate_dim: 7 },
  }),
  sentenceCase('dimensions after Normalize are scaled again', {
    steps: three,
    embed: { dimensions: 7 },
    reference: { truncate_dim: 7, normalize_embeddings: true },
  }),
  sentenceCase('dimensions of two poolings', {
    pooling: { pooling_mode: ['mean', 'cls'] },
    embed: { dimensions: 20 },
    reference: { truncate_dim: 20 },
  }),
]

const orders = [
  sentenceCase('two Normalize', { steps: [...three, 'Normalize'] }),
  sentenceCase('Normalize before Pooling', { steps: ['Transformer', 'Normalize', 'Pooling'] }),
  sentenceCase('Pooling after Normalize', { steps: [...three, 'Pooling'] }),
  sentenceCase('Dropout', {
    steps: ['Transformer', 'Pooling', 'Dropout', 'Normalize'],
    more: { '2_Dropout/config.json': { dropout: 0.5 } },
  }),
  sentenceCase('two Pooling', {
    steps: ['Transformer', 'Pooling', 'Pooling'],
    more: { '1_Pooling/config.json': { ...size, pooling_mode: 'max' } },
  }),
  sentenceCase('two modules of one name', {
    more: {
      'modules.json': [...modulesOf(three), { ...modulesOf(three)[1], path: 'other' }],
      'other/config.json': { ...size, pooling_mode: 'max' },
    },
  }),
]

const layouts = [
  ...(['bert', 'distilbert', 'albert', 'electra', 'mpnet'] as const).map((family) =>
    sentenceCase(`${family} in 0_Transformer`, { folder: '0_Transformer', model: { family }, steps: three }),
  ),
  sentenceCase('roberta in 0_Transformer', {
    ...{ folder: '0_Transformer', model: { family: 'roberta' }, tokenizer: 'bytes' },
    more: { '0_Transformer/sentence_roberta_config.json': { max_seq_length: 6 } },
  }),
  sentenceCase('a path of several folders', {
    folder: 'my/encoder',
    more: {
      'my/encoder/sentence_bert_config.json': { max_seq_length: 5 },
      'config.json': { __version__: '0.2.0' },
    },
  }),
]

const names = ['bert', 'roberta', 'distilbert', 'camembert', 'albert', 'xlm-roberta', 'xlnet']
const lengths = [
  ...names.map((name) =>
    sentenceCase(`sentence_${name}_config.json`, {
      more: { [`sentence_${name}_config.json`]: { max_seq_length: 5 } },
    }),
  ),
  sentenceCase('an empty sentence_bert_config.json', {
    more: { 'sentence_bert_config.json': {}, 'sentence_xlnet_config.json': { max_seq_length: 4 } },
  }),
  sentenceCase('sentence_bert_config.json without modules.json', {
    more: { 'modules.json': null, 'sentence_bert_config.json': { max_seq_length: 4, do_lower_case: true } },
    tokenizer: 'cased',
  }),
  sentenceCase('do_lower_case', {
    more: { 'sentence_bert_config.json': { do_lower_case: true, max_seq_length: null } },
    tokenizer: 'cased',
  }),
  sentenceCase('tokenizer_args', {
    more: {
      'sentence_bert_config.json': {
        max_seq_length: 8,
        tokenizer_args: { model_max_length: 5, trust_remote_code: true },
      },
    },
  }),
  sentenceCase('processing_kwargs', {
    more: {
      'sentence_bert_config.json': { max_seq_length: 8, processing_kwargs: { text: { max_length: 5 } } },
    },
  }),
  sentenceCase('the keys of 5.x', {
    more: {
      'sentence_bert_config.json': {
        ...{ transformer_task: 'feature-extraction', module_output_name: 'token_embeddings' },
        modality_config: { text: { method: 'forward', method_output_name: 'last_hidden_state' } },
      },
    },
  }),
]

const types = ['CrossEncoder', 'SparseEncoder'].map((type) =>
  sentenceCase(`model_type ${type}`, {
    pooling: { pooling_mode: 'max' },
    steps: three,
    more: { [model]: { model_type: type, prompts, default_prompt_name: 'query', truncate_dim: 3 } },
  }),
)

const pairs = [
  ['the cat sat.', 'the mat'],
  ['sat', 'The Cat, the cat'],
] as const

function head(
  name: string,
  labels: number,
  reference: 'CrossEncoder' | 'pipeline',
  config: Record<string, unknown>,
  files: Record<string, unknown> = {},
): SentenceCase {
  const made = { head: 'ForSequenceClassification', labels, config } as const
  return { name: `${name}, ${labels} labels`, model: made, files, texts: pairs, classify: {}, reference }
}

const torch = 'torch.nn.modules'
const cross = (activation?: string) => ({
  'modules.json': [
    { idx: 0, name: '0', path: '', type: 'sentence_transformers.base.modules.transformer.Transformer' },
  ],
  'sentence_bert_config.json': {
    ...{ transformer_task: 'sequence-classification', module_output_name: 'scores' },
    modality_config: { text: { method: 'forward', method_output_name: 'logits' } },
  },
  [model]: {
    model_type: 'CrossEncoder',
    prompts,
    ...(activation !== undefined && { activation_fn: activation }),
  },
})

const heads = [1, 3].flatMap((labels) => [
  head('sbert_ce_default_activation_function Identity', labels, 'CrossEncoder', {
    sbert_ce_default_activation_function: `${torch}.linear.Identity`,
  }),
  head('sbert_ce_default_activation_function Sigmoid', labels, 'CrossEncoder', {
    sbert_ce_default_activation_function: `${torch}.activation.Sigmoid`,
  }),
  head('sentence_transformers.activation_fn Identity', labels, 'CrossEncoder', {
    sentence_transformers: { activation_fn: `${torch}.linear.Identity`, version: '4.0.1' },
  }),
  head('sentence_transformers.activation_fn Softmax', labels, 'CrossEncoder', {
    sentence_transformers: { activation_fn: 'torch.nn.Softmax' },
  }),
  head('sentence_transformers.activation_fn null', labels, 'CrossEncoder', {
    sentence_transformers: { activation_fn: null },
    sbert_ce_default_activation_function: `${torch}.linear.Identity`,
  }),
  head('sentence_transformers without an activation', labels, 'CrossEncoder', {
    sentence_transformers: { version: '4.0.1' },
  }),
  head('a CrossEncoder of 5.x', labels, 'CrossEncoder', {}, cross()),
  head(
    'a CrossEncoder of 5.x with an activation',
    labels,
    'CrossEncoder',
    {
      sentence_transformers: { activation_fn: `${torch}.activation.Sigmoid` },
    },
    cross(`${torch}.linear.Identity`),
  ),
  head('a plain classifier', labels, 'pipeline', {}),
  ...['regression', 'multi_label_classification', ...(labels > 1 ? ['single_label_classification'] : [])].map(
    (problem) => head(problem, labels, 'pipeline', { problem_type: problem }),
  ),
  head('function_to_apply that nobody reads', labels, 'pipeline', { function_to_apply: 'none' }),
])
const promptedHead = head(
  'a CrossEncoder with a default prompt',
  1,
  'CrossEncoder',
  {},
  {
    ...cross(),
    [model]: { model_type: 'CrossEncoder', prompts, default_prompt_name: 'query' },
  },
)

export const sentenceCases: readonly SentenceCase[] = [
  ...poolings,
  ...withoutPrompt,
  ...withPrompts,
  ...dimensions,
  ...orders,
  ...layouts,
  ...lengths,
  ...types,
  ...heads,
  promptedHead,
]

const special = {
  unk_token: '[UNK]',
  cls_token: '[CLS]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  mask_token: '[MASK]',
}
const bytes = {
  unk_token: '<unk>',
  cls_token: '<s>',
  sep_token: '</s>',
  pad_token: '<pad>',
  mask_token: '<mask>',
}

function tokenizerFiles(kind: NonNullable<SentenceCase['tokenizer']>): Record<string, unknown> {
  if (kind === 'bytes') {
    const config = { tokenizer_class: 'PreTrainedTokenizerFast', ...bytes, model_max_length: 40 }
    return { 'tokenizer.json': byteLevelJson(), 'tokenizer_config.json': config }
  }
  const config = {
    tokenizer_class: 'BertTokenizer',
    do_lower_case: kind !== 'cased',
    ...special,
    model_max_length: 40,
  }
  return { 'vocab.txt': vocabTxt, 'tokenizer_config.json': config }
}

/** Writes a case's model to a folder, which is new. */
export async function writeCase(
  { model: made, folder = '', files, tokenizer = 'pieces' }: SentenceCase,
  to: string,
): Promise<string> {
  const sizes = { hidden: 16, heads: 2, inner: 24, vocab: tokenizer === 'bytes' ? 271 : 21, positions: 40 }
  const transformer = join(to, folder)
  await mkdir(transformer, { recursive: true })
  await cp(await makeCheckpoint({ ...sizes, ...made }), transformer, { recursive: true })
  const all = { ...within(folder, tokenizerFiles(tokenizer)), ...files }
  for (const [name, value] of Object.entries(all)) {
    const file = join(to, name)
    await mkdir(dirname(file), { recursive: true })
    if (value === null) await rm(file, { force: true })
    else await writeFile(file, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return to
}

function within(folder: string, files: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(files).map(([name, value]) => [join(folder, name), value]))
}

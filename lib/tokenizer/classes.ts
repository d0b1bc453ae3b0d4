/** A token that is looked for in a text before anything else is done to it: a special one, or one added to a vocabulary. */
export type AddedToken = {
  readonly content: string
  readonly special: boolean
  /** Whether it is looked for in the normalised text. */
  readonly normalized: boolean
  /** Whether it takes the white space before it, or after it. */
  readonly lstrip: boolean
  readonly rstrip: boolean
  /** Whether it must not stand inside a word. */
  readonly singleWord: boolean
}

/** The special tokens that files name, in transformers' order. */
export const specialKeys = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const
export type SpecialKey = (typeof specialKeys)[number]

/** What transformers does for one of its tokenizer classes beyond reading tokenizer.json. */
export type TokenizerClass = {
  /** Without the ending Fast. */
  readonly name: string
  /** Files that it is built from where there is no tokenizer.json. */
  readonly builtFrom: 'vocab.txt' | 'vocab.json' | null
  /** Whether the second of two texts gets token types of its own, where `model_input_names` is absent. */
  readonly typeIds: boolean
  /** Special tokens where no file names others. */
  readonly special: Readonly<Partial<Record<SpecialKey, AddedToken>>>
  readonly additional: readonly string[]
  /** Whether the class adds nothing of its own to tokenizer.json. */
  readonly fileOnly: boolean
}

/** A special token without flags. */
export function specialToken(content: string, flags: Partial<AddedToken> = {}): AddedToken {
  return {
    ...{ content, special: true, normalized: false, lstrip: false, rstrip: false, singleWord: false },
    ...flags,
  }
}

type Names = Readonly<Partial<Record<SpecialKey, string>>>

function named(names: Names, flags: Partial<Record<SpecialKey, Partial<AddedToken>>> = {}) {
  const tokens = specialKeys.flatMap((key) => {
    const content = names[key]
    return content === undefined ? [] : [[key, specialToken(content, flags[key])] as const]
  })
  return Object.fromEntries(tokens) as TokenizerClass['special']
}

const ofBert: Names = {
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
}
const ofRoberta: Names = {
  bos_token: '<s>',
  eos_token: '</s>',
  unk_token: '<unk>',
  sep_token: '</s>',
  pad_token: '<pad>',
  cls_token: '<s>',
  mask_token: '<mask>',
}
const ofAlbert: Names = {
  ...ofBert,
  bos_token: '[CLS]',
  eos_token: '[SEP]',
  unk_token: '<unk>',
  pad_token: '<pad>',
}
const ofMpnet: Names = { ...ofRoberta, unk_token: '[UNK]' }
const spaceBefore = { mask_token: { lstrip: true } }

const bert: TokenizerClass = {
  name: 'BertTokenizer',
  builtFrom: 'vocab.txt',
  typeIds: true,
  special: named(ofBert),
  additional: [],
  fileOnly: false,
}
const roberta: TokenizerClass = {
  name: 'RobertaTokenizer',
  builtFrom: 'vocab.json',
  typeIds: false,
  special: named(ofRoberta, spaceBefore),
  additional: [],
  fileOnly: false,
}
const xlmRoberta: TokenizerClass = { ...roberta, name: 'XLMRobertaTokenizer', builtFrom: null }

/** A class that adds nothing of its own: tokenizer.json says it all. */
const plain: TokenizerClass = {
  name: 'PreTrainedTokenizer',
  builtFrom: null,
  typeIds: true,
  special: {},
  additional: [],
  fileOnly: true,
}

const classes: readonly TokenizerClass[] = [
  bert,
  { ...bert, name: 'DistilBertTokenizer', typeIds: false },
  ...['ElectraTokenizer', 'ConvBertTokenizer', 'MobileBertTokenizer', 'LayoutLMTokenizer'].map((name) => ({
    ...bert,
    name,
  })),
  {
    ...bert,
    name: 'MPNetTokenizer',
    typeIds: false,
    special: named(ofMpnet, spaceBefore),
  },
  roberta,
  { ...roberta, name: 'LongformerTokenizer' },
  { ...roberta, name: 'BartTokenizer' },
  xlmRoberta,
  {
    ...xlmRoberta,
    name: 'CamembertTokenizer',
    additional: ['<s>NOTUSED', '</s>NOTUSED', '<unk>NOTUSED'],
  },
  { ...xlmRoberta, name: 'AlbertTokenizer', typeIds: true, special: named(ofAlbert, spaceBefore) },
]

const ofModelType: Readonly<Record<string, string>> = {
  bert: 'BertTokenizer',
  distilbert: 'DistilBertTokenizer',
  electra: 'ElectraTokenizer',
  mpnet: 'MPNetTokenizer',
  roberta: 'RobertaTokenizer',
  'xlm-roberta': 'XLMRobertaTokenizer',
  camembert: 'CamembertTokenizer',
  albert: 'AlbertTokenizer',
}

/** Classes that transformers has in Python alone: no tokenizer.json describes what they do. */
export const pythonClasses: readonly string[] = [
  'BertJapaneseTokenizer',
  'BertweetTokenizer',
  'PhobertTokenizer',
  'BertGenerationTokenizer',
  'BartphoTokenizer',
  'FlaubertTokenizer',
  'XLMTokenizer',
  'RoCBertTokenizer',
  'TapasTokenizer',
  'CanineTokenizer',
]

/** `name` as files give it, with or without the ending Fast; without a name, the class of the model's type. */
export function tokenizerClass(name: string | undefined, modelType: string | undefined): TokenizerClass {
  const wanted = name?.replace(/Fast$/, '') ?? ofModelType[modelType ?? ''] ?? plain.name
  return classes.find((each) => each.name === wanted) ?? { ...plain, name: wanted }
}

import test from 'ava'
import { seededRandom } from '../lib/evaluation/random.js'
import { examine } from '../lib/tokenizer/regex-safety.js'
import { Tokenizer, type TokenizerOptions } from '../lib/tokenizer.js'
import { temporaryDirectory } from './temporary-directory.js'
import { bertJson, byteLevelJson, put, unigramJson, vocabTxt } from './tiny-tokenizers.js'

// Expected ids and types are those of transformers 4.57.6 and 5.24.0, which agree on every case here.
type Files = Record<string, unknown>

async function made(
  modelType: string,
  files: Files,
  options: Partial<TokenizerOptions> = {},
): Promise<Tokenizer> {
  const dir = await put(temporaryDirectory('settings'), files)
  return Tokenizer.open(dir, { modelLimit: 512, modelType, ...options })
}

const bert = (config: Files, more: Files = {}, options: Partial<TokenizerOptions> = {}) =>
  made('bert', { 'tokenizer.json': bertJson(), 'tokenizer_config.json': config, ...more }, options)

const text = 'The Cat sats, [MASK]sitting CAFÉ 中𠀀! ΣΑΣ mat'
const pair = ['the cat', 'the mat.'] as const
const longPair = ['the cat sat the cat', 'mat sat the'] as const

async function idsOf(tokenizer: Tokenizer, ...texts: readonly [string, string?]): Promise<number[]> {
  return (await tokenizer.encode(...texts)).inputIds
}

test('tokenizer_config.json decides on case, accents and ideographs, whatever tokenizer.json says', async (t) => {
  const usual = [2, 5, 6, 8, 9, 12, 4, 1, 13, 15, 16, 19, 18, 20, 3]
  const cased = { ...bertJson(), normalizer: { ...(bertJson().normalizer as object), lowercase: false } }
  t.deepEqual(await idsOf(await bert({}), text), usual)
  t.deepEqual(await idsOf(await bert({}, { 'tokenizer.json': cased }), text), usual)
  t.deepEqual(
    await idsOf(await bert({ do_lower_case: false }), text),
    [2, 1, 7, 8, 9, 12, 4, 1, 1, 15, 16, 19, 1, 20, 3],
  )
  t.deepEqual(await idsOf(await bert({ strip_accents: false }), text), usual.with(8, 14))
  t.deepEqual(
    await idsOf(await bert({ tokenize_chinese_chars: false }), text),
    [2, 5, 6, 8, 9, 12, 4, 1, 13, 1, 19, 18, 20, 3],
  )
  const { reads } = await bert({ do_lower_case: false, strip_accents: null })
  t.deepEqual(reads, [
    { file: 'tokenizer.json', keys: [] },
    {
      file: 'tokenizer_config.json',
      keys: [{ key: 'do_lower_case', value: false, effect: 'texts are not lower-cased' }],
    },
  ])
})

test('model_max_length is a limit, and truncation_side says which end goes', async (t) => {
  const right = await bert({ model_max_length: 6 })
  t.deepEqual([right.limit, right.limitSource], [6, 'tokenizer_config.json'])
  t.deepEqual(await idsOf(right, text), [2, 5, 6, 8, 9, 3])
  t.deepEqual(await idsOf(right, ...longPair), [2, 5, 6, 3, 20, 3])

  const left = await bert({ model_max_length: 6, truncation_side: 'left' })
  t.deepEqual(await idsOf(left, text), [2, 16, 19, 18, 20, 3])
  t.deepEqual(await idsOf(left, ...longPair), [2, 5, 6, 3, 5, 3])
  const words = await left.encodeWords(['the', 'cats', 'sats', 'mat'])
  t.deepEqual(words, {
    ...{ inputIds: [2, 9, 8, 9, 20, 3], tokenTypeIds: [0, 0, 0, 0, 0, 0], truncated: true },
    // Of a word that is cut in two the first token that is left.
    firstPiece: [-1, 1, 2, 4],
  })
  const { contextTokens } = await left.encodeQuestion('the', 'cat sat mat')
  t.deepEqual(contextTokens, [
    { index: 3, begin: 4, end: 7 },
    { index: 4, begin: 8, end: 11 },
  ])
  const truncation = { direction: 'Left', max_length: 5, strategy: 'LongestFirst', stride: 0 }
  const byFile = await bert({ model_max_length: 6 }, { 'tokenizer.json': { ...bertJson(), truncation } })
  t.deepEqual(await idsOf(byFile, text), [2, 16, 19, 18, 20, 3])

  for (const none of [{}, { model_max_length: 1e30 }, { model_max_length: null }]) {
    const { limit, limitSource } = await bert(none)
    t.deepEqual([limit, limitSource], [512, 'model'])
  }
  // The files of sentence-transformers count where its modules.json names the transformer.
  const modules = [{ idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' }]
  const sentence = { 'modules.json': modules, 'sentence_bert_config.json': { max_seq_length: 9 } }
  t.is((await bert({ model_max_length: 6 }, sentence)).limit, 9)
  t.is((await bert({ max_len: 7 })).limit, 7)
})

test('token types go where the model has them and the tokenizer gives them', async (t) => {
  const typed = [0, 0, 0, 0, 1, 1, 1, 1]
  const none = typed.map(() => 0)
  const typesOf = async (tokenizer: Tokenizer) => (await tokenizer.encode(...pair)).tokenTypeIds
  t.deepEqual(await typesOf(await bert({})), typed)
  t.deepEqual(await typesOf(await bert({ model_input_names: ['input_ids', 'attention_mask'] })), none)
  for (const modelTypes of [0, 1]) t.deepEqual(await typesOf(await bert({}, {}, { modelTypes })), none)
  const files = { 'tokenizer.json': bertJson() }
  t.deepEqual(await typesOf(await made('distilbert', files, { modelTypes: 0 })), none)
  t.deepEqual(await typesOf(await made('roberta', files, { modelTypes: 1 })), none)
  t.deepEqual(await typesOf(await made('albert', files)), typed)
  const many = structuredClone(bertJson()) as {
    post_processor: { pair: { Sequence?: { type_id: number } }[] }
  }
  many.post_processor.pair[3]!.Sequence!.type_id = 2
  await t.throwsAsync(bert({}, { 'tokenizer.json': many }, { modelTypes: 2 }), {
    code: 'TOKENIZER_INVALID',
    message: /token type 2, and the model has 2/,
  })
})

test('tokens are added as the files describe them', async (t) => {
  const added = 'the <new> cat<x> zz <a>cat <b> CaT! cat!'
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
  const decoder = {
    ...Object.fromEntries(special.map((content, id) => [id, { content, special: true }])),
    21: { content: '<new>', normalized: true, lstrip: true, rstrip: true },
    22: { content: 'CaT!', normalized: true },
  }
  const described = await bert({ added_tokens_decoder: decoder })
  t.deepEqual(await idsOf(described, added), [2, 5, 21, 6, 1, 1, 1, 1, 1, 1, 1, 6, 1, 1, 1, 22, 22, 3])
  const listed = await bert({}, { 'added_tokens.json': { '<x>': 21, zz: 22 } })
  t.deepEqual(await idsOf(listed, added), [2, 5, 1, 1, 1, 6, 21, 22, 1, 1, 1, 6, 1, 1, 1, 6, 19, 6, 19, 3])
  const mapped = {
    'special_tokens_map.json': { additional_special_tokens: ['<b>', { content: '<a>', lstrip: true }] },
  }
  for (const tokenizer of [
    await bert({ additional_special_tokens: ['<b>', '<a>'] }),
    await bert({}, mapped),
  ]) {
    const ids = await idsOf(tokenizer, 'cat <a><b>')
    t.deepEqual(ids, [2, 6, 22, 21, 3])
  }
  const split = await bert({ split_special_tokens: true })
  t.deepEqual(await idsOf(split, text), [2, 5, 6, 8, 9, 12, 1, 1, 1, 1, 13, 15, 16, 19, 18, 20, 3])
})

test('a special token that the vocabulary lacks is an id beyond the model only where a text has it', async (t) => {
  const files = { 'vocab.txt': vocabTxt.replace('[MASK]\n', '[XXXX]\n') }
  const tokenizer = await made('bert', files, { modelVocab: 21 })
  t.is(tokenizer.special.mask, 21)
  t.deepEqual(await idsOf(tokenizer, 'the cat'), [2, 5, 6, 3])
  await t.throwsAsync(idsOf(tokenizer, 'the [MASK]'), {
    code: 'TOKENIZER_INVALID',
    message: /'\[MASK\]' has the id 21/,
  })
})

test('MPNet is built from vocab.txt with two separators in a pair', async (t) => {
  const lines = vocabTxt.replace('[PAD]', '<s>').replace('[CLS]', '<pad>').replace('[SEP]', '</s>')
  const tokenizer = await made('mpnet', { 'vocab.txt': lines.replace('[MASK]', '<mask>') })
  t.deepEqual(await idsOf(tokenizer, ...pair), [0, 5, 6, 3, 3, 5, 20, 11, 3])
  t.deepEqual(await idsOf(tokenizer, 'the <mask> cat'), [0, 5, 4, 6, 3])
  t.like(tokenizer.special, { cls: 0, sep: 3, mask: 4, pad: 2 })
})

test('RoBERTa is built from vocab.json and merges.txt, and add_prefix_space is obeyed', async (t) => {
  const json = byteLevelJson() as { model: { vocab: Record<string, number>; merges: string[] } }
  const { vocab, merges } = json.model
  const files = { 'vocab.json': vocab, 'merges.txt': `#version: 0.2\n${merges.join('\n')}\n` }
  const plain = [0, 120, 261, 265, 2]
  const blank = [0, 262, 265, 2]
  t.deepEqual(await idsOf(await made('roberta', files), 'the cat'), plain)
  const asked = { 'tokenizer_config.json': { add_prefix_space: true } }
  t.deepEqual(await idsOf(await made('roberta', { ...files, ...asked }), 'the cat'), blank)
  // RobertaTokenizer puts none unless it is asked to; of other classes tokenizer.json decides.
  const prefixed = { 'tokenizer.json': byteLevelJson(true) }
  t.deepEqual(await idsOf(await made('roberta', prefixed), 'the cat'), plain)
  const other = { 'tokenizer_config.json': { tokenizer_class: 'PreTrainedTokenizerFast' } }
  t.deepEqual(await idsOf(await made('roberta', { ...prefixed, ...other }), 'the cat'), blank)
})

test('settings that are none are refused by file and key', async (t) => {
  const refused: [Files, RegExp][] = [
    [
      { do_lower_case: 'yes' },
      /tokenizer_config\.json: expected `do_lower_case` to be true or false, got 'yes'/,
    ],
    [{ model_max_length: 'long' }, /`model_max_length` to be a number from 1/],
    [{ model_max_length: 0 }, /`model_max_length`/],
    [{ truncation_side: 'both' }, /`truncation_side` to be left or right/],
    [{ model_input_names: 'input_ids' }, /`model_input_names` to be a list/],
    [{ added_tokens_decoder: [] }, /`added_tokens_decoder` is not an object/],
    [{ added_tokens_decoder: { x: { content: 'a' } } }, /`added_tokens_decoder\["x"\]`/],
    [{ mask_token: 5 }, /`mask_token` is not a token/],
    [{ tokenizer_class: 'BertJapaneseTokenizer' }, /BertJapaneseTokenizer.*Python alone.*token ids/],
  ]
  for (const [config, message] of refused)
    await t.throwsAsync(bert(config), { code: 'TOKENIZER_INVALID', message })
})

test('a table of characters that points outside itself is refused, not followed', async (t) => {
  const json = unigramJson()
  const { precompiled_charsmap: table } = json.normalizer as { precompiled_charsmap: string }
  const bytes = Buffer.from(table, 'base64')
  const damaged = (change: (copy: Buffer) => Buffer) => {
    const normalizer = {
      type: 'Precompiled',
      precompiled_charsmap: change(Buffer.from(bytes)).toString('base64'),
    }
    return made('xlm-roberta', { 'tokenizer.json': { ...json, normalizer } })
  }
  await t.notThrowsAsync(damaged((copy) => copy))
  const outside = { code: 'TOKENIZER_INVALID', message: /points outside itself|cut short|not UTF-8/ } as const
  await t.throwsAsync(
    damaged((copy) => copy.subarray(0, 40)),
    outside,
  )
  // Whatever is wrong in it, the process goes on: a table is refused, or every text has tokens.
  const random = seededRandom(11)
  let refused = 0
  for (let time = 0; time < 150; time++) {
    const at = 4 + (random() % (bytes.length - 4))
    const opened = damaged((copy) => copy.fill(random() & 0xff, at, at + 1))
    const ids = opened.then((tokenizer) => idsOf(tokenizer, 'ﬁsh Ａ² cafe\u0301 \u3000\u200b漢 \u{1f600}'))
    await ids.catch((error: unknown) => {
      t.like(error, { code: 'TOKENIZER_INVALID' })
      refused++
    })
  }
  t.true(refused > 0, `${refused} refused`)
  await t.throwsAsync(
    damaged((copy) => {
      copy[copy.length - 2] = 0xff
      return copy
    }),
    outside,
  )
})

test('regular expressions that published tokenizers have are taken', async (t) => {
  const published = [
    String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    String.raw`\s+`,
    String.raw`[\s\p{P}]`,
    String.raw`(?<=\p{L})(?=\p{N})`,
  ]
  for (const pattern of published) t.is((await examine(pattern)).slow, undefined, pattern)
})

test('regular expressions that a text can hold up are refused', async (t) => {
  const slow = [
    '(a+)+b',
    '(?:a|a)*b',
    '(a|aa)+$',
    '(a*)*',
    'a*a*b',
    '.*.*x',
    String.raw`\s+(?=.*x)`,
    '(a+)\\1+b',
    'x*(?:y*z)',
  ]
  for (const pattern of slow) t.not((await examine(pattern)).slow, undefined, pattern)
  const pre_tokenizer = { type: 'Split', pattern: { Regex: '(a+)+b' }, behavior: 'Isolated', invert: false }
  const json = { ...bertJson(), pre_tokenizer: { type: 'Sequence', pretokenizers: [pre_tokenizer] } }
  await t.throwsAsync(made('bert', { 'tokenizer.json': json }), {
    code: 'TOKENIZER_INVALID',
    message: /regular expression '\(a\+\)\+b'/,
  })
})

test('what the library would end the process over is refused by name', async (t) => {
  const replace = (pattern: object) => ({ normalizer: { type: 'Replace', pattern, content: '-' } })
  const bpe = byteLevelJson() as { model: object }
  const table = { type: 'Precompiled' }
  const deep = { type: 'Sequence', normalizers: [{ type: 'Sequence', normalizers: [table] }] }
  const both = [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }]
  const post = (single: object[], special_tokens = {}) => ({
    post_processor: { type: 'TemplateProcessing', single, pair: both, special_tokens },
  })
  const changes: [Files, RegExp][] = [
    [{ normalizer: deep }, /`precompiled_charsmap` is not a string/],
    [{ normalizer: { ...table, precompiled_charsmap: 'AAAAAB==' } }, /not base64/],
    [{ normalizer: { ...table, precompiled_charsmap: 'AAAAAA==' } }, /points outside itself/],
    [replace({ String: '' }), /looks for no text/],
    ...['', 'x|', '\\d{0,3}', '(?=a)', 'a*'].map((Regex): [Files, RegExp] => [
      replace({ Regex }),
      /matches no text|can't be empty|cannot/,
    ]),
    [{ pre_tokenizer: { type: 'FixedLength', length: 0 } }, /no characters/],
    [{ model: { ...bpe.model, continuing_subword_prefix: '####' } }, /shorter than the prefix '####'/],
    [post([{ Sequence: { id: 'B', type_id: 0 } }]), /does not hold each text once/],
    [
      post([{ SpecialToken: { id: '[CLS]', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }]),
      /without an id/,
    ],
  ]
  for (const [change, message] of changes) {
    const json = { ...bertJson(), ...change }
    await t.throwsAsync(
      made('bert', { 'tokenizer.json': json }),
      { code: 'TOKENIZER_INVALID', message },
      JSON.stringify(change),
    )
  }
  t.deepEqual(
    await idsOf(await bert({}, { 'tokenizer.json': { ...bertJson(), ...replace({ Regex: 'x+' }) } }), 'cat'),
    [2, 6, 3],
  )
})

import { join } from 'node:path'
import test from 'ava'
import { seededRandom } from '../lib/evaluation/random.js'
import { share } from '../lib/tokenizer/template.js'
import { Tokenizer, type TokenizerOptions } from '../lib/tokenizer.js'
import { temporaryDirectory } from './temporary-directory.js'
import { bertJson, byteLevelJson, put, unigramJson, vocabTxt } from './tiny-tokenizers.js'

// Expected ids, types and places are those of the Python package tokenizers 0.23.
const demo = join(import.meta.dirname, '../models/demo/model')
const open = (dir: string, maxLength?: number): Promise<Tokenizer> =>
  Tokenizer.open(dir, { modelLimit: 512, ...(maxLength !== undefined && { maxLength }) })
/** Beside a bert model where the vocabulary is BERT's; else nothing but the files says whose tokenizer it is. */
const made = async (
  files: Record<string, unknown>,
  options: Partial<TokenizerOptions> = {},
): Promise<Tokenizer> =>
  Tokenizer.open(await put(temporaryDirectory('tokenizer'), files), {
    modelLimit: 512,
    modelType: 'vocab.txt' in files ? 'bert' : undefined,
    ...options,
  })
const ids = async (tokenizer: Tokenizer, text: string): Promise<number[]> =>
  (await tokenizer.encode(text)).inputIds

test('the demo model gives the ids of the reference', async (t) => {
  const tokenizer = await open(demo)
  t.deepEqual(await ids(tokenizer, 'A man is playing a guitar.'), [2, 43, 289, 135, 782, 43, 987, 18, 3])
  const mixed = [2, 4274, 1629, 1, 1, 1, 1, 4, 2931, 2831, 1783, 6819, 1585, 3]
  t.deepEqual(await ids(tokenizer, 'naïve Ελλάς 中国 🤗 [MASK] unbelievable'), mixed)
  t.deepEqual(await tokenizer.encode('How old are you?', 'What is your age?'), {
    inputIds: [2, 261, 345, 156, 149, 35, 3, 186, 135, 247, 418, 35, 3],
    tokenTypeIds: [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1],
    truncated: false,
  })
})

test('special tokens have their ids, and ids their tokens', async (t) => {
  const tokenizer = await open(demo)
  t.deepEqual(tokenizer.special, { cls: 2, sep: 3, mask: 4, pad: 0, unk: 1 })
  t.is(tokenizer.tokenOf(43), 'a')
  t.is(tokenizer.idOf('guitar'), 987)
  t.is(tokenizer.idOf('constructor'), tokenizer.idOf('no such token'))
  t.is(await tokenizer.decode(await ids(tokenizer, "Don't stop, man!")), "don ' t stop, man!")
  t.is(await tokenizer.decode([]), '')
  const plain = await made({ 'tokenizer.json': unigramJson() })
  t.deepEqual(plain.special, { cls: 0, sep: 2, mask: 19, pad: 1, unk: 3 })
})

/** sentence_bert_config.json counts beside it alone. */
const modules = [{ name: '0', path: '', type: 'sentence_transformers.models.Transformer' }]

test('the limit is the option, else sentence_bert_config.json, else the model', async (t) => {
  const facts = ({ limit, limitSource }: Tokenizer): unknown[] => [limit, limitSource]
  t.deepEqual(facts(await open(demo, 7)), [7, 'option'])
  t.deepEqual(facts(await open(demo)), [128, 'sentence_bert_config.json'])
  t.deepEqual(facts(await Tokenizer.open(demo, { modelLimit: 100 })), [100, 'model'])
  t.deepEqual(facts(await made({ 'vocab.txt': vocabTxt })), [512, 'model'])
})

test('padding and truncation that tokenizer.json asks for are ignored', async (t) => {
  const json = { ...byteLevelJson(), truncation: { max_length: 3, strategy: 'LongestFirst', stride: 0 } }
  const padding = {
    strategy: { Fixed: 128 },
    direction: 'Right',
    pad_id: 1,
    pad_type_id: 0,
    pad_token: '<pad>',
  }
  const tokenizer = await made({ 'tokenizer.json': { ...json, padding } })
  t.deepEqual(await ids(tokenizer, 'the cat sat'), [0, 120, 261, 265, 268, 2])
})

test('a text beyond the limit loses its end, keeps its special tokens and is reported', async (t) => {
  const tokenizer = await open(demo, 12)
  const words = 'one two three four five six seven eight nine ten'.split(' ')
  const say = (count: number): string => words.slice(0, count).join(' ')
  const long = await tokenizer.encode(`${say(10)} eleven twelve`)
  t.deepEqual(long.inputIds, [2, 160, 180, 225, 307, 405, 547, 828, 938, 1280, 832, 3])
  t.true(long.truncated)
  t.false((await tokenizer.encode(say(10))).truncated)
  const pair = async (first: number, second: number): Promise<number[]> =>
    (await tokenizer.encode(say(first), say(second))).tokenTypeIds
  const types = (first: number, second: number): number[] => [
    ...Array(first).fill(0),
    ...Array(second).fill(1),
  ]
  t.deepEqual(await pair(2, 10), types(4, 8))
  t.deepEqual(await pair(10, 2), types(9, 3))
  t.deepEqual(await pair(6, 6), types(6, 6))
  t.deepEqual(await pair(7, 6), types(7, 5))
  t.deepEqual(await (await open(demo, 2)).encode('a man'), {
    inputIds: [2, 3],
    tokenTypeIds: [0, 0],
    truncated: true,
  })
})

test('the share of two texts is what taking tokens one by one from the longer leaves', (t) => {
  for (let first = 0; first < 12; first++) {
    for (let second = 0; second < 12; second++) {
      for (let budget = 0; budget < 24; budget++) {
        let [a, b] = [first, second]
        while (a + b > budget) a >= b ? a-- : b--
        // Of equal halves, the odd token is the longer text's, or the second's.
        if (a !== b && Math.min(first, second) >= Math.max(a, b)) [a, b] = first > second ? [b, a] : [a, b]
        if (first > second && a < b) [a, b] = [b, a]
        t.deepEqual(share(first, second, budget), [a, b])
      }
    }
  }
})

test('vocab.txt alone is read as BERT reads it', async (t) => {
  const uncased = await made({ 'vocab.txt': vocabTxt })
  const cased = await made({ 'vocab.txt': vocabTxt, 'tokenizer_config.json': { do_lower_case: false } })
  const both = async (text: string): Promise<number[][]> => [await ids(uncased, text), await ids(cased, text)]
  const sats = [8, 9, 12, 1, 11, 3]
  t.deepEqual(await both('The Cat sats, sitting.'), [
    [2, 5, 6, ...sats],
    [2, 1, 7, ...sats],
  ])
  t.deepEqual(await both('CAFÉ 中𠀀! ΣΑΣ'), [
    [2, 13, 15, 16, 19, 18, 3],
    [2, 1, 15, 16, 19, 1, 3],
  ])
  t.deepEqual(await both('[MASK] [SEP] mat'), [
    [2, 4, 3, 20, 3],
    [2, 4, 3, 20, 3],
  ])
  t.deepEqual(await uncased.encode('the cat', 'the mat.'), {
    inputIds: [2, 5, 6, 3, 5, 20, 11, 3],
    tokenTypeIds: [0, 0, 0, 0, 1, 1, 1, 1],
    truncated: false,
  })
  const windows = await made({ 'vocab.txt': `\ufeff${vocabTxt.replaceAll('\n', '\r\n')}` })
  t.deepEqual(await ids(windows, 'the cat'), [2, 5, 6, 3])
})

test('a byte-level tokenizer lays out pairs as RoBERTa does, all of type 0', async (t) => {
  const tokenizer = await made({ 'tokenizer.json': byteLevelJson() })
  t.deepEqual(await tokenizer.encode('the cat', 'sat é'), {
    inputIds: [0, 120, 261, 265, 2, 2, 119, 266, 36, 269, 2],
    tokenTypeIds: Array(11).fill(0),
    truncated: false,
  })
  t.deepEqual((await tokenizer.encode('the', '')).inputIds, [0, 120, 261, 2, 2, 2])
  t.deepEqual(await ids(tokenizer, '<mask> the <mask> cat'), [0, 270, 262, 270, 265, 2])
  t.deepEqual(await ids(tokenizer, '👩 the'), [0, 244, 163, 149, 173, 262, 2])
  t.deepEqual(
    await ids(tokenizer, 'the\ufeff cat\u0085 cat'),
    [0, 120, 261, 243, 191, 195, 265, 198, 137, 265, 2],
  )
  t.is(await tokenizer.decode(await ids(tokenizer, 'the café 👩')), 'the café 👩')
})

test('a SentencePiece tokenizer reads its own table of characters', async (t) => {
  const tokenizer = await made({ 'tokenizer.json': unigramJson() })
  t.deepEqual(await ids(tokenizer, 'the cats sat.'), [0, 5, 6, 7, 8, 15, 2])
  t.deepEqual(await ids(tokenizer, 'ﬁsh Ａ'), [0, 10, 11, 4, 12, 2])
  t.deepEqual(await ids(tokenizer, 'cat² cafe\u0301'), [0, 6, 13, 4, 18, 16, 3, 14, 2])
  t.deepEqual(await ids(tokenizer, 'the\u3000cat\u200bs'), [0, 5, 6, 7, 2])
  // Of a short cluster whose beginning is in the table, the reference drops the rest.
  t.deepEqual(await ids(tokenizer, 'ﬁ\u0301.'), [0, 10, 15, 2])
  t.deepEqual(await ids(tokenizer, '漢字 cat'), [0, 4, 3, 6, 2])
  t.deepEqual(await ids(tokenizer, 'the  cat'), [0, 5, 4, 6, 2])
  t.deepEqual((await tokenizer.encode('the cat', 'sat.')).inputIds, [0, 5, 6, 2, 2, 8, 15, 2])
})

test('words that are split already say where each begins', async (t) => {
  const bert = await open(demo)
  const words = await bert.encodeWords(['New', 'York', '', 'unbelievable', '😀'])
  t.deepEqual(words.inputIds, [2, 179, 390, 2931, 2831, 1783, 6819, 1585, 1, 3])
  t.deepEqual(words.firstPiece, [1, 2, -1, 3, 8])
  for (const prefix of [false, true]) {
    const files = { 'tokenizer.json': byteLevelJson(prefix) }
    const roberta = await made(files, { modelType: 'roberta' })
    const { inputIds, firstPiece } = await roberta.encodeWords(['the', 'cat', '<mask>', '', 'sat', 'é'])
    t.deepEqual(inputIds, [0, 262, 265, 270, 268, 36, 269, 2])
    t.deepEqual(firstPiece, [1, 2, 3, -1, 4, 5])
    const other = await (await made(files)).encodeWords(['the', 'cat'])
    t.deepEqual(other.inputIds, prefix ? [0, 262, 265, 2] : [0, 120, 261, 264, 2])
  }
  const unigram = await made({ 'tokenizer.json': unigramJson() })
  const { inputIds, firstPiece } = await unigram.encodeWords(['the', 'cats', '漢', '', 'ﬁsh'])
  t.deepEqual(inputIds, [0, 5, 6, 7, 4, 3, 10, 11, 2])
  t.deepEqual(firstPiece, [1, 2, 4, -1, 6])
  const cut = await (await open(demo, 5)).encodeWords(['New', 'York', 'unbelievable', 'city'])
  t.deepEqual([cut.inputIds, cut.firstPiece, cut.truncated], [[2, 179, 390, 2931, 3], [1, 2, 3, -1], true])
  t.deepEqual((await bert.encodeWords([])).inputIds, [2, 3])
})

test('the tokens of a context know their place in it', async (t) => {
  const places = async (tokenizer: Tokenizer, question: string, context: string): Promise<unknown[]> => {
    const { contextTokens } = await tokenizer.encodeQuestion(question, context)
    return contextTokens.map(({ begin, end }) => context.slice(begin, end))
  }
  const context = 'Ünïted ☃☃ cafe\u0301s, New-York 👩\u200d👧 [SEP] 中国!'
  const found = await (await open(demo)).encodeQuestion('Where?', context)
  t.deepEqual(found.inputIds.slice(0, 4), [2, 205, 35, 3])
  t.deepEqual(
    found.contextTokens.map(({ index }) => index),
    [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  )
  t.deepEqual(
    found.contextTokens.slice(0, 4).map(({ begin, end }) => [begin, end]),
    [
      [0, 6],
      [7, 9],
      [10, 14],
      [15, 16],
    ],
  )
  const bert = ['Ünïted', '☃☃', 'cafe', 's', ',', 'New', '-', 'York', '👩\u200d👧', '[SEP]', '中', '国', '!']
  t.deepEqual(await places(await open(demo), 'Where?', context), bert)
  const roberta = await made({ 'tokenizer.json': byteLevelJson() })
  t.deepEqual(await places(roberta, 'the', ' the café <mask> sat'), [
    'the',
    '',
    'ca',
    'f',
    'é',
    '<mask>',
    'sat',
  ])
  const unigram = await made({ 'tokenizer.json': unigramJson() })
  const pieces = ['漢', '漢字', ' cat', ' ﬁ', 'sh', '²', ' <mask>', ' sat']
  t.deepEqual(await places(unigram, 'the', '漢字 cat ﬁsh² <mask> sat'), pieces)
  t.deepEqual((await (await open(demo, 5)).encodeQuestion('a man', 'a man')).contextTokens, [
    { index: 3, begin: 0, end: 1 },
  ])
})

test('any string is tokenised: empty, half a surrogate pair, NUL, very long', async (t) => {
  const kinds = [
    await open(demo),
    await made({ 'tokenizer.json': byteLevelJson() }),
    await made({ 'tokenizer.json': unigramJson() }),
  ]
  for (const tokenizer of kinds) {
    t.is((await tokenizer.encode('')).inputIds.length, 2)
    for (const text of [
      '\ud83d',
      'a\udc00\udc00b',
      '\0',
      '\ufeff',
      '\u0301',
      '\u{10ffff}',
      '__proto__ constructor',
    ]) {
      const { inputIds, tokenTypeIds } = await tokenizer.encode(text, text)
      t.is(inputIds.length, tokenTypeIds.length)
      t.true(inputIds.every(Number.isInteger))
      t.deepEqual(
        (await tokenizer.encode(text.replace(/\p{Surrogate}/gu, '\ufffd'), text)).inputIds,
        inputIds,
      )
    }
    for (const part of ['the cat sat. ', 'a', '中', 'e\u0301']) {
      const { inputIds, truncated } = await tokenizer.encode(part.repeat(100_000 / part.length))
      t.true(inputIds.length <= tokenizer.limit)
      t.is(truncated, inputIds.length === tokenizer.limit)
    }
  }
})

test('texts are lower-cased first where sentence_bert_config.json asks for it', async (t) => {
  const config = { max_seq_length: 9, do_lower_case: true }
  const files = { 'tokenizer.json': byteLevelJson(), 'sentence_bert_config.json': config }
  const tokenizer = await made({ ...files, 'modules.json': modules })
  t.is(tokenizer.limit, 9)
  t.deepEqual(await ids(tokenizer, 'THE Cat<mask>'), [0, 120, 261, 265, 270, 2])
})

test('a directory without a tokenizer is refused by naming the files that would do', async (t) => {
  const missing = (modelType: string, files = {}) => t.throwsAsync(made(files, { modelType }))
  const error = await missing('bert')
  t.like(error, { code: 'TOKENIZER_MISSING' })
  t.regex(error.message, /tokenizer\.json or vocab\.txt for a BertTokenizer, got none.*save_pretrained/)
  t.regex((await missing('roberta')).message, /tokenizer\.json or vocab\.json with merges\.txt/)
  const pieces = { 'sentencepiece.bpe.model': 'x' }
  t.regex(
    (await missing('xlm-roberta', pieces)).message,
    /tokenizer\.json for .*only sentencepiece\.bpe\.model/,
  )
})

test('an id beyond the model is refused where a text has it, by naming its token', async (t) => {
  const files = { 'tokenizer.json': byteLevelJson() }
  const tokenizer = await made(files, { modelVocab: 270 })
  t.deepEqual(await ids(tokenizer, 'the'), [0, 120, 261, 2])
  for (const refused of [tokenizer.encode('the <mask>'), tokenizer.pack(['the', ['the', '<mask>']])]) {
    const error = await t.throwsAsync(refused)
    t.like(error, { code: 'TOKENIZER_INVALID', facts: { token: '<mask>', id: 270, vocab: 270 } })
  }
  // Special tokens are in every sequence.
  await t.throwsAsync(made(files, { modelVocab: 2 }), { code: 'TOKENIZER_INVALID', message: /<\/s>/ })
})

test('broken files are refused as invalid, whatever is wrong in them', async (t) => {
  const bpe = byteLevelJson()
  const scored = unigramJson()
  const model = bpe.model as object
  const hostile: unknown[] = [
    ...[
      '',
      'null',
      `\ufeff${JSON.stringify(bpe)}`,
      '[]',
      '"text"',
      '{',
      'version https://git-lfs.github.com/spec/v1\n',
      {},
      { model: null },
      { model: [] },
    ],
    ...[
      { ...bpe, added_tokens: 5 },
      { ...bpe, added_tokens: [null] },
      { ...bpe, added_tokens: [{ content: 'x', id: 1e12 }] },
    ],
    ...[
      { ...bpe, added_tokens: [{ content: '', id: 1 }] },
      { ...bpe, normalizer: { type: 'Unheard' } },
    ],
    ...[
      { ...bpe, normalizer: 7 },
      { ...bpe, pre_tokenizer: { type: 'Sequence' } },
      { ...bpe, decoder: [] },
    ],
    ...[{ ...bpe, pre_tokenizer: { type: 'Split', pattern: { Regex: 'a' }, behavior: 'MergedWithNext' } }],
    ...[
      { ...bpe, post_processor: { type: 'RobertaProcessing', cls: 'x' } },
      { ...bpe, post_processor: 3 },
    ],
    ...[
      {
        ...bpe,
        post_processor: { type: 'TemplateProcessing', single: [{ Sequence: { id: 'B' } }], pair: [] },
      },
    ],
    ...[
      {
        ...bpe,
        post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: 'toString' } }] },
      },
    ],
    ...[
      { ...bpe, model: { ...model, merges: [3] } },
      { ...bpe, model: { ...model, vocab: { a: '1' } } },
    ],
    ...[
      { ...bpe, model: { ...model, vocab: { a: -1 } } },
      { ...bpe, model: { ...model, vocab: [] } },
    ],
    ...[
      { ...bpe, model: { ...model, type: 'Unigram' } },
      { ...bpe, model: { ...model, type: 'Unheard' } },
    ],
    ...[{ ...scored, model: { type: 'Unigram', vocab: [['a']] } }],
    ...[{ ...scored, model: { type: 'Unigram', vocab: [['a', 0]], unk_id: 9 } }],
    ...[{ ...scored, normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAA=' } }],
  ]
  for (const json of hostile) {
    await t.throwsAsync(
      made({ 'tokenizer.json': json }),
      { code: 'TOKENIZER_INVALID' },
      JSON.stringify(json).slice(0, 200),
    )
  }
  await t.throwsAsync(made({ 'vocab.txt': 'the\ncat\n' }), { code: 'TOKENIZER_INVALID', message: /\[UNK\]/ })
  await t.throwsAsync(made({ 'vocab.txt': vocabTxt, 'tokenizer_config.json': [] }), {
    code: 'TOKENIZER_INVALID',
  })
  const sentence = { 'vocab.txt': vocabTxt, 'modules.json': modules }
  const bad = { ...sentence, 'sentence_bert_config.json': { max_seq_length: '128' } }
  await t.throwsAsync(made(bad), { code: 'CHECKPOINT_INVALID_CONFIG' })
  const tight = { ...sentence, 'sentence_bert_config.json': { max_seq_length: 1 } }
  await t.throwsAsync(made(tight), { code: 'CHECKPOINT_INVALID_CONFIG', message: /2 special tokens/ })
  const pieces = {
    ...{ type: 'WordPiece', unk_token: '[UNK]', vocab: { the: 0 } },
    ...{ continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
  }
  const tokenizer = await made({
    'tokenizer.json': { model: pieces, pre_tokenizer: { type: 'BertPreTokenizer' } },
  })
  t.deepEqual(await ids(tokenizer, 'the the'), [0, 0])
  await t.throwsAsync(tokenizer.encode('cat'), {
    code: 'TOKENIZER_INVALID',
    message: /Missing \[UNK\] token/,
  })
})

test('misuse is a TypeError or a RangeError', async (t) => {
  const tokenizer = await open(demo)
  await t.throwsAsync(tokenizer.encode(5 as never), {
    instanceOf: TypeError,
    message: /`text` to be a string/,
  })
  await t.throwsAsync(tokenizer.encode('a', null as never), { instanceOf: TypeError })
  await t.throwsAsync(tokenizer.encodeWords('a' as never), { instanceOf: TypeError })
  await t.throwsAsync(tokenizer.encodeWords(['a', 1 as never]), {
    instanceOf: TypeError,
    message: /words\[1\]/,
  })
  t.throws(() => tokenizer.tokenOf(8192), { instanceOf: RangeError })
  await t.throwsAsync(tokenizer.decode([1.5]), { instanceOf: TypeError })
  await t.throwsAsync(open(demo, 513), { instanceOf: RangeError })
  await t.throwsAsync(open(demo, 1), { instanceOf: RangeError, message: /2 special tokens/ })
  await t.throwsAsync(Tokenizer.open(demo, { modelLimit: 512, maxLenght: 3 } as never), {
    message: /Did you mean `maxLength`/,
  })
  const short = await open(demo, 2)
  await t.throwsAsync(short.encode('a', 'b'), {
    instanceOf: RangeError,
    message: /3 special tokens of a pair/,
  })
})

test('of a long text only so much is tokenised that the tokens which are kept are those of the whole', async (t) => {
  const kinds = { bert: bertJson(), roberta: byteLevelJson(), 'xlm-roberta': unigramJson() }
  const random = seededRandom(3)
  const words = [
    'the',
    'cat ',
    'sats',
    ' ',
    '\n',
    '  ',
    '<mask>',
    '[MASK]',
    'é',
    '\u{1f600}',
    '中',
    'e\u0301',
    'New York',
    'x'.repeat(70),
  ]
  for (const [modelType, json] of Object.entries(kinds)) {
    const added = {
      content: 'New York',
      lstrip: true,
      rstrip: true,
      normalized: false,
      special: false,
      single_word: false,
    }
    const list = [...(json.added_tokens as object[]), { ...added, id: 400 }]
    const files = { 'tokenizer.json': { ...json, added_tokens: list } }
    const cut = await made(files, { modelType })
    const whole = await made(files, { modelType, modelLimit: 2 ** 20, maxLength: 2 ** 20 })
    for (let time = 0; time < 6; time++) {
      const text = Array.from({ length: 20_000 }, () => words[random() % words.length]).join(
        time % 2 === 0 ? ' ' : '',
      )
      const all = (await whole.encode(text)).inputIds
      const { inputIds, truncated } = await cut.encode(text)
      t.true(truncated)
      t.deepEqual(inputIds.slice(0, -1), all.slice(0, inputIds.length - 1), `${modelType} ${time}`)
    }
  }
})
